/// How a stream of bytes is compressed (protocol.md, section 3).
public enum Codec: String, CaseIterable, Sendable, Hashable {
    /// Stored as it is.
    case none
    /// Members of RFC 1952.
    case gzip
    /// Zstandard frames of RFC 8878.
    case zstd
    /// Frames of the LZ4 frame format, not bare blocks nor its legacy frames.
    case lz4

    /// The level that a compressor takes when none is named.
    ///
    /// The library's own, but for gzip the fastest: its level 6 takes several times as long and gains a few percent on
    /// weights, which hardly shrink.
    public var defaultLevel: Int {
        switch self {
        case .none, .lz4: 0
        case .gzip: 1
        case .zstd: 3
        }
    }

    /// The levels admitted.
    ///
    /// zstd's beyond 19 are left out: they need windows that many readers refuse.
    public var levels: ClosedRange<Int> {
        switch self {
        case .none: 0...0
        case .gzip: 0...9
        case .zstd: 1...19
        case .lz4: 0...12
        }
    }
}
