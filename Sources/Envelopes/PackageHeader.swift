public import WireJSON

/// The header of a package (the reference's `SerializationMetadata`; protocol.md, section 3).
public struct PackageHeader: Sendable, Hashable {
    /// The weight format's name, such as `binary_custom`.
    public var format: String
    /// Of the payload.
    public var compression: Compression
    /// SHA-256 of the payload as stored, lowercase hex.
    public var checksum: String
    /// Bytes of the payload before compression.
    public var originalSize: Int
    /// Bytes of the payload as stored.
    public var compressedSize: Int
    /// Seconds since 1970.
    public var timestamp: Double
    /// Whatever the client calls its model.
    public var modelVersion: String?
    /// Whose it is.
    public var clientID: String?
    /// The round it is for.
    public var roundNumber: Int64?
    /// What the payload is.
    public var dataType: DataType
    /// The message's.
    public var metadata: [String: JSONValue]

    static let magic = Array("FEDPK001".utf8)
    /// Magic and the header's length.
    static let prefix = 12

    /// Magic, length and header JSON: the head.
    ///
    /// - Parameter multiple: the head's length is made a multiple of it, with blanks behind the JSON.
    func head(multiple: Int) throws(EnvelopeFailure) -> [UInt8] {
        let object: [String: JSONValue] = [
            "format": .string(format), "compression": .string(compression.rawValue), "checksum": .string(checksum),
            "original_size": .integer(Int64(originalSize)), "compressed_size": .integer(Int64(compressedSize)),
            "timestamp": .number(timestamp), "model_version": modelVersion.map(JSONValue.string) ?? .null,
            "client_id": clientID.map(JSONValue.string) ?? .null,
            "round_number": roundNumber.map(JSONValue.integer) ?? .null, "data_type": .string(dataType.rawValue),
            "checksum_algorithm": .string("sha256"), "filter": .string("none"), "metadata": .object(metadata),
        ]
        var json: [UInt8]
        do throws(JSONFailure) { json = try JSONValue.object(object).encoded() } catch {
            throw EnvelopeFailure(field: "metadata", reason: error.reason)
        }
        while (Self.prefix + json.count) % multiple != 0 { json.append(UInt8(ascii: " ")) }
        guard let length = UInt32(exactly: json.count) else {
            throw EnvelopeFailure(field: "metadata", reason: "\(json.count) bytes of header are too many")
        }
        return Self.magic + withUnsafeBytes(of: length.littleEndian) { Array($0) } + json
    }

    /// Reads the head of a package.
    ///
    /// - Parameter package: at least the head.
    /// - Returns: the header and the length of the head.
    static func parse(_ package: UnsafeRawBufferPointer) throws(EnvelopeFailure) -> (PackageHeader, head: Int) {
        if package.starts(with: "FEDEN001".utf8) {
            throw EnvelopeFailure(
                field: "magic", reason: "an encrypted package, which this version does not read", offset: 0)
        }
        guard package.starts(with: magic) else {
            throw EnvelopeFailure(field: "magic", reason: "the payload does not begin with FEDPK001", offset: 0)
        }
        guard package.count >= prefix else {
            throw EnvelopeFailure(field: "header length", reason: "the package ends before it", offset: package.count)
        }
        let length = Int(UInt32(littleEndian: package.loadUnaligned(fromByteOffset: 8, as: UInt32.self)))
        guard length <= package.count - prefix else {
            throw EnvelopeFailure(
                field: "header length", reason: "\(length) bytes, but only \(package.count - prefix) are there",
                offset: 8)
        }
        guard let members = (try? JSONValue(parsing: package[prefix..<prefix + length]))?.objectValue else {
            throw EnvelopeFailure(field: "header", reason: "not a JSON object", offset: prefix)
        }
        return (try PackageHeader(FieldReader(members: members)), prefix + length)
    }

    private init(_ fields: FieldReader) throws(EnvelopeFailure) {
        format = try fields.string("format")
        compression = try fields.choice("compression", Compression.self)
        checksum = try fields.string("checksum")
        let sizes: ClosedRange<Int64> = 0...Int64(1) << 53
        originalSize = Int(try fields.integer("original_size", in: sizes))
        compressedSize = Int(try fields.integer("compressed_size", in: sizes))
        timestamp = try fields.timestamp("timestamp")
        modelVersion = try fields.optionalString("model_version")
        clientID = try fields.optionalString("client_id")
        roundNumber = try fields.optionalInteger("round_number", in: FieldReader.rounds)
        dataType = try fields.choice("data_type", DataType.self)
        metadata = try fields.object("metadata")
        let algorithm = try fields.optionalString("checksum_algorithm") ?? "sha256"
        guard algorithm == "sha256" else {
            throw EnvelopeFailure(field: "checksum_algorithm", reason: "\(algorithm.debugDescription) is not sha256")
        }
        let filter = try fields.optionalString("filter") ?? "none"
        guard filter == "none" else {
            throw EnvelopeFailure(field: "filter", reason: "\(filter.debugDescription) is not read by this version")
        }
        if let chunks = fields.members["chunks"], chunks != .null {
            throw EnvelopeFailure(field: "chunks", reason: "chunked messages are not read by this version")
        }
    }

    init(_ payload: PayloadSummary, _ message: Message, _ content: PayloadContent, _ compression: Compression) {
        format = content.format
        self.compression = compression
        checksum = payload.checksum
        originalSize = payload.originalSize
        compressedSize = payload.storedSize
        timestamp = message.timestamp
        modelVersion = content.modelVersion
        clientID = message.senderID
        roundNumber = message.roundNumber
        dataType = content.dataType
        metadata = message.metadata
    }
}

/// What a payload is, for its package's header.
struct PayloadContent {
    let format: String
    let dataType: DataType
    let modelVersion: String?
}

/// What is known of a payload once all of it was written.
public struct PayloadSummary: Sendable, Hashable {
    /// SHA-256 of the bytes before compression, lowercase hex.
    public let bodyDigest: String
    /// Bytes before compression.
    public let originalSize: Int
    /// Bytes after compression.
    public let storedSize: Int
    /// SHA-256 of the bytes after compression, lowercase hex.
    public let checksum: String
}
