internal import EventLog
internal import WireJSON
internal import WireTime

/// CloudEvents 1.0, Kafka binding, binary mode: the message in headers, the package as the value.
enum BinaryEnvelope {
    static let mark = "ce_specversion"
    private static let typePrefix = "fedgate."
    private static let sourcePrefix = "/clients/"

    static func seal(
        _ message: Message, _ head: [UInt8], _ layout: Layout, _ extraHeaders: [RecordHeader]
    ) throws(EnvelopeFailure) -> Record {
        let metadata: [UInt8]
        do throws(JSONFailure) { metadata = try JSONValue.object(message.metadata).encoded() } catch {
            throw EnvelopeFailure(field: "metadata", reason: error.reason)
        }
        let checksum = head.withUnsafeBytes { message.checksum(head: $0) }
        let texts = [
            (mark, "1.0"), ("ce_id", message.messageID), ("ce_type", typePrefix + message.type.rawValue),
            ("ce_source", sourcePrefix + percentEncoded(message.senderID)),
            ("ce_time", Timestamp.text(message.timestamp)), ("ce_subject", String(message.roundNumber)),
            ("ce_checksum", checksum), ("ce_timestamp", message.timestamp.description),
            ("content-type", "application/vnd.fedpk"),
        ]
        let headers = texts.map { RecordHeader($0, Array($1.utf8)) } + [RecordHeader("ce_metadata", metadata)]
        return Record(
            key: RecordKey.of(message), headers: headers + extraHeaders, slab: layout.slab,
            range: try layout.framed(by: head, and: []))
    }

    /// The message, its checksum, as the headers say it; the value is the package.
    static func open(_ headers: [RecordHeader]) throws(EnvelopeFailure) -> (Message, checksum: String) {
        func text(_ name: String) throws(EnvelopeFailure) -> String {
            let values = headers.filter { $0.name == name }
            guard values.count == 1, let text = String(validating: values[0].value, as: UTF8.self) else {
                throw EnvelopeFailure(field: name, reason: values.isEmpty ? "is missing" : "has to be one UTF-8 text")
            }
            return text
        }
        guard try text(mark) == "1.0" else { throw EnvelopeFailure(field: mark, reason: "is not 1.0") }
        let type = try text("ce_type")
        guard type.hasPrefix(typePrefix), let type = MessageType(rawValue: String(type.dropFirst(typePrefix.count)))
        else {
            throw EnvelopeFailure(field: "ce_type", reason: "\(type.debugDescription) is not one of the protocol's")
        }
        let source = try text("ce_source")
        guard source.hasPrefix(sourcePrefix), let sender = percentDecoded(source.dropFirst(sourcePrefix.count)) else {
            throw EnvelopeFailure(field: "ce_source", reason: "has to be /clients/ and a percent-encoded id")
        }
        guard let timestamp = Double(try text("ce_timestamp")), FieldReader.times.contains(timestamp) else {
            throw EnvelopeFailure(field: "ce_timestamp", reason: "has to be a number of seconds from 0 to 253402300800")
        }
        guard let round = Int64(try text("ce_subject")), FieldReader.rounds.contains(round) else {
            throw EnvelopeFailure(field: "ce_subject", reason: "has to be a round from 0 to 2^53 - 1")
        }
        guard let metadata = (try? JSONValue(parsing: Array(try text("ce_metadata").utf8)))?.objectValue else {
            throw EnvelopeFailure(field: "ce_metadata", reason: "is not a JSON object")
        }
        let message = Message(
            messageID: try text("ce_id"), type: type, senderID: sender, timestamp: timestamp, roundNumber: round,
            metadata: metadata)
        return (message, try text("ce_checksum"))
    }

    private static func percentEncoded(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e:
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                encoded += "%" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        return encoded
    }

    private static func percentDecoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst(), let low = rest.popFirst(),
                let digits = String(validating: [high, low], as: UTF8.self), let value = UInt8(digits, radix: 16)
            else { return nil }
            bytes.append(value)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

/// Keys of records (protocol.md, section 4): the sender's id, of results the round's number.
enum RecordKey {
    static func of(_ message: Message) -> [UInt8] {
        Array((message.type == .aggregationResult ? String(message.roundNumber) : message.senderID).utf8)
    }
}
