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
                Terminal.print(try file.withMapping(Inspection.describe))
                return 0
            } catch {
                Terminal.error("fedgate: \(Inspection.explain(error))")
                return 1
            }
        })
}

private enum Inspection {
    private static let limits = MessageReader.Limits(maxStored: 1 << 40, maxDecoded: 1 << 40)

    static func describe(_ bytes: UnsafeRawBufferPointer) throws -> String {
        if bytes.starts(with: "FEDWT001".utf8) { return try weights(bytes) }
        if bytes.starts(with: "FEDPK001".utf8) {
            return try MessageReader(limits: limits).readPackage(bytes) { header, payload in
                try package(header) + contents(header, payload)
            }
        }
        if let first = bytes.first(where: { $0 > 0x20 }), first == UInt8(ascii: "{") {
            return try MessageReader(limits: limits).readMessage(json: bytes) { opened in
                try message(opened.message) + package(opened.package) + contents(opened.package, opened.payload)
            }
        }
        throw StartFailure(description: "the file is none of FEDWT001, a package (FEDPK001) or a message in JSON")
    }

    static func explain(_ error: any Error) -> String {
        guard let failure = error as? WeightFailure else { return String(describing: error) }
        let array = failure.array.map { ", array \($0)" } ?? ""
        return "weights: \(failure.reason), at byte \(failure.offset)\(array)"
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
          compression  \(header.compression.rawValue), \(header.originalSize) bytes as \(header.compressedSize)
          checksum     \(header.checksum)
          client       \(header.clientID ?? "-")
          round        \(header.roundNumber.map { String($0) } ?? "-")
          model        \(header.modelVersion ?? "-")

        """
    }

    private static func contents(_ header: PackageHeader, _ payload: UnsafeRawBufferPointer) throws -> String {
        header.format == "binary_custom" ? try weights(payload) : "payload of \(payload.count) bytes"
    }

    private static func weights(_ bytes: UnsafeRawBufferPointer) throws -> String {
        let view = try FEDWT001View(bytes, limits: .init(decodedBytes: 1 << 40))
        var lines = ["FEDWT001, \(bytes.count) bytes, \(view.arrays.count) arrays, metadata \(try text(view.metadata))"]
        for (index, array) in view.arrays.enumerated() {
            let storage =
                if case .sparse(let contents) = view.contents(of: index) { "sparse, \(contents.count) set" } else {
                    "dense"
                }
            let shape = array.shape.map { String($0) }.joined(separator: " × ")
            lines.append(
                "  \(index)  \(array.name ?? "-")  \(array.dtype.rawValue)  [\(shape)]  \(array.byteCount) bytes  \(storage)"
            )
        }
        return lines.joined(separator: "\n")
    }

    private static func text(_ metadata: [String: JSONValue]) throws -> String {
        String(decoding: try JSONValue.object(metadata).encoded(), as: UTF8.self)
    }
}
