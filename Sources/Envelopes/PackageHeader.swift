public import Compression
public import WireJSON

/// The header of a package: the reference's `SerializationMetadata` with the additions of protocol.md, section 3.
public struct PackageHeader: Sendable, Hashable {
    /// The payload's format, such as `binary_custom`; which ones there are is not known here.
    public var format: String
    /// How the payload is compressed.
    public var compression: Codec
    /// What was done to the payload before it was compressed.
    public var filter: StreamFilter
    /// SHA-256 of the payload as stored, lowercase hex.
    public var checksum: String
    /// Bytes of the payload, decompressed.
    public var originalSize: Int
    /// Bytes of the payload as stored.
    public var compressedSize: Int
    /// Seconds since 1970, from 0 up to the year 10000.
    public var timestamp: Double
    /// Which model it belongs to.
    public var modelVersion: String?
    /// Whose it is.
    public var clientID: String?
    /// From 0 to 2^53 − 1.
    public var roundNumber: Int64?
    /// What the payload means.
    public var dataType: DataType
    /// As the message's.
    public var metadata: [String: JSONValue]
    /// In a commit record: where the payload is instead.
    public var chunks: ChunkList?

    /// A header.
    ///
    /// - Parameters:
    ///   - format: the payload's format.
    ///   - compression: how the payload is compressed.
    ///   - filter: what was done to the payload before it was compressed.
    ///   - checksum: SHA-256 of the payload as stored, lowercase hex.
    ///   - originalSize: bytes of the payload, decompressed.
    ///   - compressedSize: bytes of the payload as stored.
    ///   - timestamp: seconds since 1970.
    ///   - modelVersion: which model it belongs to.
    ///   - clientID: whose it is.
    ///   - roundNumber: from 0 to 2^53 − 1.
    ///   - dataType: what the payload means.
    ///   - metadata: as the message's.
    ///   - chunks: in a commit record.
    public init(
        format: String, compression: Codec, filter: StreamFilter = .none, checksum: String, originalSize: Int,
        compressedSize: Int, timestamp: Double, modelVersion: String?, clientID: String?, roundNumber: Int64?,
        dataType: DataType, metadata: [String: JSONValue], chunks: ChunkList? = nil
    ) {
        self.format = format
        self.compression = compression
        self.filter = filter
        self.checksum = checksum
        self.originalSize = originalSize
        self.compressedSize = compressedSize
        self.timestamp = timestamp
        self.modelVersion = modelVersion
        self.clientID = clientID
        self.roundNumber = roundNumber
        self.dataType = dataType
        self.metadata = metadata
        self.chunks = chunks
    }

    /// Refuses a payload that would be larger than a reader takes.
    ///
    /// - Parameters:
    ///   - most: bytes, decompressed.
    ///   - offset: for the refusal.
    func checkOriginalSize(atMost most: Int, at offset: Int? = nil) throws(EnvelopeFailure) {
        guard originalSize <= most else {
            throw EnvelopeFailure(
                "package.original_size", "\(originalSize) is over \(most)", at: offset, limit: UInt64(most))
        }
    }
}
