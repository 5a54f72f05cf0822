/// How a payload is best stored, judged by samples of it.
///
/// Each way that is admitted is tried on the samples, the cheapest first. A dearer one is taken when its output is
/// smaller by 2 % or more, so that what hardly shrinks is not compressed at all.
public struct CompressionChoice: Sendable, Hashable {
    /// What a payload holds.
    public enum Content: Sendable, Hashable {
        /// Arrays: weights, gradients, a result.
        case arrays
        /// Text, such as JSON.
        case text
        /// Anything.
        case bytes
    }

    /// A part of a payload, best some 256 KiB from its middle.
    public struct Sample {
        /// The bytes, valid as long as a choice is made; of elements, whole ones.
        public var bytes: UnsafeRawBufferPointer
        /// What they are; `bytes` when they are no elements.
        public var kind: ItemKind

        /// A part of a payload.
        ///
        /// - Parameters:
        ///   - bytes: the bytes; of elements, whole ones.
        ///   - kind: what they are.
        public init(_ bytes: UnsafeRawBufferPointer, kind: ItemKind = .bytes) {
            self.bytes = bytes
            self.kind = kind
        }
    }

    /// What is done before.
    public var filter: StreamFilter
    /// How it is compressed.
    public var codec: Codec
    /// The codec's level.
    public var level: Int
    /// The samples' bytes for each byte that they became; 1 for `none`.
    public var estimatedRatio: Double

    /// A choice.
    ///
    /// - Parameters:
    ///   - filter: what is done before.
    ///   - codec: how it is compressed.
    ///   - level: the codec's level.
    ///   - estimatedRatio: bytes before for each byte after.
    public init(filter: StreamFilter, codec: Codec, level: Int, estimatedRatio: Double) {
        self.filter = filter
        self.codec = codec
        self.level = level
        self.estimatedRatio = estimatedRatio
    }

    /// Stored as it is.
    public static let none = CompressionChoice(filter: .none, codec: .none, level: 0, estimatedRatio: 1)
}
