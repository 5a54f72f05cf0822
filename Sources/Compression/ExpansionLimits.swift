/// How much a compressed stream may become.
public struct ExpansionLimits: Sendable, Hashable {
    /// Bytes that a stream may expand to.
    public var maxBytes: UInt64
    /// Bytes out for each byte in, counted from the stream's start, once it has grown beyond `grace`.
    ///
    /// deflate reaches 1032, zstd some 30,000, LZ4 255.
    public var maxRatio: Double
    /// Bytes that a stream may expand to whatever the ratio.
    public var grace: UInt64
    /// Bytes of skippable frames (zstd, LZ4) that a stream may hold altogether.
    public var maxSkipped: UInt64

    /// Limits.
    ///
    /// - Parameters:
    ///   - maxBytes: bytes that a stream may expand to.
    ///   - maxRatio: bytes out for each byte in, beyond the grace.
    ///   - grace: bytes that are admitted whatever the ratio.
    ///   - maxSkipped: bytes of skippable frames altogether.
    public init(maxBytes: UInt64, maxRatio: Double = 1000, grace: UInt64 = 1 << 20, maxSkipped: UInt64 = 1 << 20) {
        self.maxBytes = maxBytes
        self.maxRatio = maxRatio
        self.grace = grace
        self.maxSkipped = maxSkipped
    }
}

/// Counts a stream's bytes on both sides against the limits.
struct ExpansionGauge {
    let limits: ExpansionLimits
    let name: String
    /// Compressed bytes taken.
    var taken: UInt64 = 0
    /// Bytes given.
    private(set) var given: UInt64 = 0

    init(_ limits: ExpansionLimits, name: String) {
        self.limits = limits
        self.name = name
    }

    /// Counts bytes that are about to be handed over.
    mutating func give(_ count: Int) throws(CompressionFailure) {
        given += UInt64(count)
        guard given <= limits.maxBytes else {
            throw CompressionFailure(
                "\(name): expands to more than \(limits.maxBytes) bytes", at: taken, limit: limits.maxBytes)
        }
        guard given > limits.grace, Double(given) > Double(taken) * limits.maxRatio else { return }
        throw CompressionFailure(
            "\(name): \(taken) bytes expand to \(given) or more, over \(limits.maxRatio) times", at: taken,
            limit: UInt64(exactly: (limits.maxRatio * Double(taken)).rounded(.down)))
    }
}
