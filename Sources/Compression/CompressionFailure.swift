/// Why a compressed stream was refused, or cannot be written.
public struct CompressionFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// For a person: the codec, what was found and what is admitted.
    public var reason: String
    /// Where in the compressed stream, in bytes.
    ///
    /// Never behind the fault, and less than one written piece before it: a library does not tell which of the bytes
    /// that it was given was wrong. For a stream that is cut off it is the length.
    public var offset: UInt64
    /// The limit that was passed, where one was: the stream may be sound.
    public var limit: UInt64?
    /// Which layer of several, 0 for the outermost, whose compressed stream is the body itself.
    public var layer: Int

    /// A refusal.
    ///
    /// - Parameters:
    ///   - reason: the codec, what was found and what is admitted.
    ///   - offset: bytes from the start of the compressed stream.
    ///   - limit: the limit that was passed.
    ///   - layer: which layer of several, 0 for the outermost.
    public init(_ reason: String, at offset: UInt64, limit: UInt64? = nil, layer: Int = 0) {
        self.reason = reason
        self.offset = offset
        self.limit = limit
        self.layer = layer
    }

    /// All of it in one line.
    public var description: String {
        let place = layer == 0 ? "" : " of layer \(layer)"
        return "\(reason) (at byte \(offset)\(place))"
    }
}
