/// Where a dense array's elements lie in a stream.
public struct PlaneExtent: Sendable, Hashable {
    /// Bytes from the stream's start to the first element.
    public var offset: UInt64
    /// Elements.
    public var count: UInt64
    /// What they are.
    public var kind: ItemKind

    /// An array's place.
    ///
    /// - Parameters:
    ///   - offset: bytes from the stream's start to the first element.
    ///   - count: elements.
    ///   - kind: what they are.
    public init(offset: UInt64, count: UInt64, kind: ItemKind) {
        self.offset = offset
        self.count = count
        self.kind = kind
    }
}
