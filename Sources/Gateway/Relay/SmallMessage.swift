internal import Envelopes
internal import EventLog
internal import WireJSON

/// A message of the protocol whose payload is a JSON object: all types but updates and results.
struct SmallMessage: Sendable {
    /// Bytes of the largest one that is taken over HTTP.
    static let mostBytes = 64 << 10
    /// Bytes of the largest one that is read from the log, since others write there too.
    static let mostBytesRead = 1 << 20

    let messageID: String
    let type: MessageType
    let senderID: String
    /// The message's own time, seconds since 1970; the same on every gateway.
    let timestamp: Double
    let text: MessageText
    let position: Position
    /// Of a command: what makes another one with the same key the same command.
    var key: CommandKey?

    /// What it takes in memory, roughly.
    var weight: Int { text.line.count + senderID.utf8.count + (key?.name.utf8.count ?? 0) + 256 }

    /// The types of a topic.
    static func types(of topic: String) -> Set<MessageType> {
        topic == TopicName.control
            ? [.trainingCommand] : [.clientRegistration, .statusUpdate, .healthCheck, .errorReport]
    }
}

extension SmallMessage {
    /// A message as it is read from the log.
    init(_ opened: borrowing OpenedMessage, at position: Position) throws(EnvelopeFailure) {
        let (message, package) = (opened.message, opened.package)
        guard Self.types(of: position.topic).contains(message.type) else {
            throw EnvelopeFailure("message_type", "\(message.type.rawValue) does not belong to \(position.topic)")
        }
        guard package.chunks == nil else { throw EnvelopeFailure("package.chunks", "a small message is never cut") }
        guard package.format == "json_base64" else {
            throw EnvelopeFailure("package.format", "\(package.format.debugDescription) is not json_base64")
        }
        messageID = message.messageID
        type = message.type
        senderID = message.senderID
        timestamp = message.timestamp
        self.position = position
        key = message.type == .trainingCommand ? CommandKey(message) : nil
        do { text = try MessageText(opened.payload) } catch { throw EnvelopeFailure("payload", error.reason) }
    }
}

/// The idempotency key of a command, and the body that it belongs to.
struct CommandKey: Sendable, Hashable {
    let name: String
    /// SHA-256 in hex; nil when whoever wrote the command did not say.
    let bodyDigest: String?
}

extension CommandKey {
    /// Nil for a command without a key.
    init?(_ message: Message) {
        guard let name = message.metadata[UpdateMetadata.idempotencyKey]?.stringValue else { return nil }
        self.init(name: name, bodyDigest: message.metadata[UpdateMetadata.bodyDigest]?.stringValue)
    }
}
