/// Bounds on what a body may claim.
public struct DecodeLimits: Sendable {
    /// Bytes of all arrays, stored densely.
    public var decodedBytes: UInt64
    /// Number of arrays.
    public var arrays: Int = 1 << 16
    /// Bytes of the metadata.
    public var metadataBytes: Int = 1 << 20

    /// Limits with the defaults for all but the size.
    ///
    /// - Parameter decodedBytes: bytes of all arrays, stored densely.
    public init(decodedBytes: UInt64) { self.decodedBytes = decodedBytes }
}
