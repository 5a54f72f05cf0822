/// How a package's payload is compressed.
public enum Compression: String, Sendable, Hashable, CaseIterable {
    /// Stored as it is.
    case none
    /// Zstandard frames (RFC 8878).
    case zstd

    /// Names of the protocol that this version neither writes nor reads.
    static let notYet = ["gzip", "lz4"]
}
