internal import EventLog
internal import WireJSON

/// The binary envelope's headers: CloudEvents 1.0, Kafka binding, binary mode.
enum CloudEvent {
    static let mark = "ce_specversion"
    static let packageType = "application/vnd.fedpk"
    private static let typePrefix = "fedgate."
    private static let sourcePrefix = "/clients/"

    static func headers(_ message: Message, checksum: String) throws(EnvelopeFailure) -> [RecordHeader] {
        let texts = [
            (mark, "1.0"), ("ce_id", message.messageID), ("ce_type", typePrefix + message.type.rawValue),
            ("ce_source", sourcePrefix + PercentEncoding.encode(message.senderID)),
            ("ce_time", RFC3339.text(message.timestamp)), ("ce_subject", String(message.roundNumber)),
            ("ce_checksum", checksum), ("ce_timestamp", PythonFloat.repr(message.timestamp)),
        ]
        return texts.map { RecordHeader($0.0, Array($0.1.utf8)) } + [
            RecordHeader("ce_metadata", try JSONText.object(message.metadata, "metadata")),
            RecordHeader("content-type", Array(packageType.utf8)),
        ]
    }

    /// Whether a header of this name would be taken for one of the envelope's own.
    static func isReserved(_ name: String) -> Bool { name.hasPrefix("ce_") || name == "content-type" }

    /// Reads the headers; those of other names are ignored.
    static func read(_ headers: [RecordHeader]) throws(EnvelopeFailure) -> (message: Message, checksum: String) {
        let fields = try CloudEventFields(headers)
        guard try fields.text(mark) == "1.0" else { throw EnvelopeFailure(mark, "is not 1.0") }
        let type = try fields.text("ce_type")
        guard type.hasPrefix(typePrefix), let known = MessageType(rawValue: String(type.dropFirst(typePrefix.count)))
        else { throw EnvelopeFailure("ce_type", "\(type.debugDescription) is not a type of the protocol") }
        let source = try fields.text("ce_source")
        guard source.hasPrefix(sourcePrefix), let sender = PercentEncoding.decode(source.dropFirst(sourcePrefix.count))
        else { throw EnvelopeFailure("ce_source", "is not \(sourcePrefix) and a percent-encoded sender") }
        guard let timestamp = PythonFloat.parse(try fields.text("ce_timestamp")) else {
            throw EnvelopeFailure("ce_timestamp", "is not a number")
        }
        guard let round = Int64(try fields.digits("ce_subject")) else {
            throw EnvelopeFailure("ce_subject", "is not within 0 and 2^53 - 1")
        }
        let message = Message(
            messageID: try fields.text("ce_id"), type: known, senderID: sender, timestamp: timestamp,
            roundNumber: round, metadata: try fields.object("ce_metadata"))
        try message.check(.events)
        try checkTime(fields, timestamp)
        if let type = try fields.optionalText("content-type"), type.lowercased() != packageType {
            throw EnvelopeFailure("content-type", "\(type.debugDescription) is not \(packageType)")
        }
        return (message, try fields.text("ce_checksum"))
    }

    /// `ce_time` says again what `ce_timestamp` says; writers may cut off or round the fraction.
    private static func checkTime(_ fields: CloudEventFields, _ timestamp: Double) throws(EnvelopeFailure) {
        guard let text = try fields.optionalText("ce_time") else { return }
        guard let time = RFC3339.seconds(text) else { throw EnvelopeFailure("ce_time", "is not an RFC 3339 time") }
        guard abs(time - timestamp) <= 1 else {
            throw EnvelopeFailure("ce_time", "differs from ce_timestamp by more than a second")
        }
    }
}

/// Headers by name.
private struct CloudEventFields {
    private var values: [String: [UInt8]] = [:]

    init(_ headers: [RecordHeader]) throws(EnvelopeFailure) {
        for header in headers where CloudEvent.isReserved(header.name) {
            guard values.updateValue(header.value, forKey: header.name) == nil else {
                throw EnvelopeFailure(header.name, "comes twice")
            }
        }
    }

    func optionalText(_ name: String) throws(EnvelopeFailure) -> String? {
        guard let bytes = values[name] else { return nil }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw EnvelopeFailure(name, "is not UTF-8")
        }
        return text
    }

    func text(_ name: String) throws(EnvelopeFailure) -> String {
        guard let text = try optionalText(name) else { throw EnvelopeFailure(name, "is missing") }
        return text
    }

    func digits(_ name: String) throws(EnvelopeFailure) -> String {
        let text = try text(name)
        guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }) else {
            throw EnvelopeFailure(name, "is not a decimal number")
        }
        return text
    }

    func object(_ name: String) throws(EnvelopeFailure) -> [String: JSONValue] {
        guard let bytes = values[name] else { return [:] }
        let parsed: Result<[String: JSONValue], EnvelopeFailure> = bytes.withUnsafeBytes { bytes in
            Result { () throws(EnvelopeFailure) in try JSONObject.parse(bytes, name) }
        }
        return try parsed.get()
    }
}
