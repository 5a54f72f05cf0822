internal import Compression
internal import Envelopes
internal import Files
internal import Flags
internal import WeightFormats
internal import Weights
internal import WireJSON

/// `fedgate inspect`: says what is in a file.
extension Command {
    static let inspect = Command(
        name: "inspect", operands: "FILE", summary: "Say what a weight file, a package or a message holds.",
        flags: [],
        run: { arguments throws(UsageFailure) in
            guard arguments.operands.count == 1 else { throw UsageFailure("inspect takes one file") }
            do {
                let file = try File(reading: arguments.operands[0])
                Terminal.print(try file.withMapping { try Inspection.describe($0, arguments.operands[0]) })
                return 0
            } catch {
                Terminal.error("fedgate: \(Inspection.explain(error))")
                return 1
            }
        })
}

enum Inspection {
    static let limits = MessageReader.Limits(maxStored: 1 << 40, maxDecoded: 1 << 40)

    static func describe(_ bytes: UnsafeRawBufferPointer, _ path: String) throws -> String {
        if PackageReader.isPackage(bytes) {
            return try MessageReader(limits: limits).readPackage(bytes) { header, payload in
                try package(header) + contents(header, payload)
            }
        }
        if isMessage(bytes) {
            return try MessageReader(limits: limits).readMessage(json: bytes) { opened in
                try message(opened.message) + package(opened.package) + contents(opened.package, opened.payload)
            }
        }
        return try weights(bytes, WeightFile.format(of: bytes, path))
    }

    /// Whether it is JSON that has what every message has.
    private static func isMessage(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let first = bytes.first(where: { $0 > 0x20 }), first == UInt8(ascii: "{") else { return false }
        return bytes.prefix(4096).firstRange(of: "\"message_type\"".utf8) != nil
    }

    static func explain(_ error: any Error) -> String {
        guard let failure = error as? WeightFailure else { return String(describing: error) }
        return "weights: \(failure)"
    }

    private static func message(_ message: Message) throws -> String {
        """
        message \(message.messageID), \(message.type.rawValue), checksum right
          sender     \(message.senderID)
          round      \(message.roundNumber)
          timestamp  \(message.timestamp)
          metadata   \(try text(message.metadata))

        """
    }

    private static func package(_ header: PackageHeader) throws -> String {
        """
        package, \(header.format), \(header.dataType.rawValue), checksum right
          compression  \(header.compression.rawValue), filter \(header.filter.rawValue), \(header.originalSize) bytes as \(header.compressedSize)
          checksum     \(header.checksum)
          client       \(header.clientID ?? "-")
          round        \(header.roundNumber.map { String($0) } ?? "-")
          model        \(header.modelVersion ?? "-")

        """
    }

    private static func contents(_ header: PackageHeader, _ payload: UnsafeRawBufferPointer) throws -> String {
        guard let format = WeightFormats.named(header.format), header.dataType != .metadata else {
            return "payload of \(payload.count) bytes"
        }
        return try weights(payload, format, behind: header.filter)
    }

    private static func weights(
        _ bytes: UnsafeRawBufferPointer, _ format: WeightFormat, behind filter: StreamFilter = .none
    ) throws -> String {
        let decoded = try WeightFile.decode(bytes, format, behind: filter, to: DroppingSink())
        var lines = [
            "\(format.name), \(bytes.count) bytes, \(decoded.arrays.count) arrays, metadata \(try text(decoded.metadata))"
        ]
        for (index, array) in decoded.arrays.enumerated() {
            let shape = array.spec.shape.map { String($0) }.joined(separator: " × ")
            lines.append(
                "  \(index)  \(array.spec.name ?? "-")  \(array.spec.dtype.rawValue)  [\(shape)]  \(array.spec.byteCount) bytes"
                    + "  \(storage(array.storage))")
        }
        return lines.joined(separator: "\n")
    }

    private static func storage(_ storage: DecodedArray.Storage) -> String {
        switch storage {
        case .dense(_, let axes, let bigEndian):
            "dense" + (axes == nil ? "" : ", not in C order") + (bigEndian ? ", big-endian" : "")
        case .sparse(let count, _, _, _, _): "sparse, \(count) set"
        }
    }

    private static func text(_ metadata: [String: JSONValue]) throws -> String {
        String(decoding: try JSONValue.object(metadata).encoded(), as: UTF8.self)
    }
}
