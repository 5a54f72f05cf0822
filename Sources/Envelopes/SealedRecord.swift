public import Compression
public import EventLog

/// What is known of a payload once all of it was written.
public struct PayloadSummary: Sendable, Hashable {
    /// SHA-256 of what was written, lowercase hex.
    public let bodyDigest: String
    /// Bytes that were written.
    public let originalSize: Int
    /// Bytes of the payload as stored: compressed, not base64.
    public let storedSize: Int
    /// SHA-256 of the payload as stored, lowercase hex.
    public let checksum: String
    /// How the payload is compressed.
    public let compression: Codec
    /// What was done to it before.
    public let filter: StreamFilter
}

/// A record that is ready for the log, and what went into it.
public struct SealedRecord: Sendable {
    /// Its value lies in the sealer's slab.
    public let record: Record
    /// As it was described.
    public let message: Message
    /// Of the payload.
    public let summary: PayloadSummary
    /// Bytes of the package: its head and the payload as stored.
    public let packageSize: Int
}
