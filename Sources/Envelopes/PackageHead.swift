internal import Compression
internal import WireJSON

/// The magic, length and header in front of a package's payload.
enum PackageHead {
    static let magic = Array("FEDPK001".utf8)

    /// The bytes of a head.
    ///
    /// - Parameter multiple: blanks behind the header's JSON make the length a multiple of this.
    static func encode(_ header: PackageHeader, multiple: Int) throws(EnvelopeFailure) -> [UInt8] {
        var text = JSONText()
        text.add("format", header.format)
        text.add("compression", header.compression.rawValue)
        text.add("checksum", header.checksum)
        text.add("original_size", Int64(header.originalSize))
        text.add("compressed_size", Int64(header.compressedSize))
        text.add("timestamp", float: header.timestamp)
        text.add("model_version", header.modelVersion)
        text.add("client_id", header.clientID)
        text.add("round_number", header.roundNumber)
        text.add("data_type", header.dataType.rawValue)
        text.add("checksum_algorithm", "sha256")
        text.add("filter", header.filter.rawValue)
        try text.add("metadata", header.metadata)
        if let chunks = header.chunks {
            try text.add("chunks", ["count": .integer(Int64(chunks.count)), "size": .integer(Int64(chunks.size))])
        }
        text.close()
        var json = text.bytes
        while (magic.count + 4 + json.count) % multiple != 0 { json.append(UInt8(ascii: " ")) }
        guard json.count <= Bounds.header else {
            throw EnvelopeFailure(
                "package.metadata", "the header would pass \(Bounds.header) bytes", limit: UInt64(Bounds.header))
        }
        let length = UInt32(json.count)
        return magic + (0..<4).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + json
    }

    /// Finds where the head ends and the payload begins.
    static func end(of package: UnsafeRawBufferPointer) throws(EnvelopeFailure) -> Int {
        if package.starts(with: "FEDEN001".utf8) {
            throw EnvelopeFailure("package.magic", "encrypted packages (FEDEN001) are not yet supported", at: 0)
        }
        guard PackageReader.isPackage(package) else { throw EnvelopeFailure("package.magic", "is not FEDPK001", at: 0) }
        guard package.count >= 12 else {
            throw EnvelopeFailure("package.header_length", "the package ends before it", at: package.count)
        }
        let length = Int(UInt32(littleEndian: package.loadUnaligned(fromByteOffset: 8, as: UInt32.self)))
        guard length <= Bounds.header, length <= package.count - 12 else {
            let admitted = min(Bounds.header, package.count - 12)
            throw EnvelopeFailure(
                "package.header_length", "\(length) is over \(admitted)", at: 8, limit: UInt64(admitted))
        }
        return 12 + length
    }

    /// Reads the header of a head that `end` has found.
    static func decode(_ head: UnsafeRawBufferPointer) throws(EnvelopeFailure) -> PackageHeader {
        let json = UnsafeRawBufferPointer(rebasing: head[12...])
        let fields = Fields(try JSONObject.parse(json, "package.header", at: 12), prefix: "package.", at: 12)
        guard try fields.string("checksum_algorithm", default: "sha256") == "sha256" else {
            throw fields.refusal("checksum_algorithm", "is not sha256")
        }
        let name = try fields.string("filter", default: "none")
        guard let filter = StreamFilter(rawValue: name) else {
            throw fields.refusal("filter", "\(name.debugDescription) is not none or byteplane")
        }
        let format = try fields.string("format")
        guard !format.isEmpty else { throw fields.refusal("format", "is empty") }
        let clientID = try fields.optionalString("client_id")
        if let clientID, !Identifier.check(clientID) { throw fields.refusal("client_id", "is not an identifier") }
        return PackageHeader(
            format: format,
            compression: try fields.choice("compression"),
            filter: filter,
            checksum: try fields.digest("checksum"),
            originalSize: try fields.size("original_size"),
            compressedSize: try fields.size("compressed_size"),
            timestamp: try fields.timestamp("timestamp"),
            modelVersion: try fields.optionalString("model_version"),
            clientID: clientID,
            roundNumber: try fields.optionalRound("round_number"),
            dataType: try fields.choice("data_type"),
            metadata: try fields.object("metadata", default: [:]),
            chunks: try chunks(fields))
    }

    private static func chunks(_ fields: Fields) throws(EnvelopeFailure) -> ChunkList? {
        guard fields.members["chunks"] ?? .null != .null else { return nil }
        let list = Fields(try fields.object("chunks", default: [:]), prefix: "package.chunks.", at: 12)
        return ChunkList(count: try list.size("count"), size: try list.size("size"))
    }
}
