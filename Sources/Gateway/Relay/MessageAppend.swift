internal import Bytes
internal import Compression
internal import Envelopes
internal import EventLog
internal import MicroHTTP
internal import Telemetry
internal import Threads
internal import WireJSON
internal import WireTime

/// What a client gets for a small message that is stored.
struct MessageReceipt: Sendable {
    let messageID: String
    let position: Position

    var json: [UInt8] {
        var line = JSONLine()
        line.raw(#"{"message_id":"#)
        line.string(messageID)
        line.raw(#","topic":"#)
        line.string(position.topic)
        line.raw(",\"partition\":\(position.partition),\"offset\":\(position.offset)}\n")
        return line.bytes
    }

    func response(isRepeat: Bool) -> Response {
        var response = Answers.text(json, type: "application/json", status: 202)
        if isRepeat { response.headers.append(("Fed-Repeat", "true")) }
        return response
    }
}

/// From a small message's text to its place on the log, over failures that pass.
///
/// Its message id stays the same over all attempts, and readers count one once. A record that is too large for the topic is
/// compressed; it is never cut, since no reader of these topics gathers chunks.
///
/// Thread: any, one step after the other.
final class MessageAppend: Sendable {
    typealias Tell = @Sendable (Result<MessageReceipt, Failure>) -> Void

    private let core: GatewayCore
    private let draft: MessageDraft
    private let text: MessageText
    private let message: Message
    private let record: SealedRecord
    private let isCompressed: Bool
    private let tell: Tell

    /// - Parameter tell: called once, on any thread; must not block.
    convenience init(
        _ core: GatewayCore, _ draft: MessageDraft, _ content: MessageDraft.Content, _ tell: @escaping Tell
    ) throws(Failure) {
        var metadata: [String: JSONValue] = [:]
        if let key = draft.idempotencyKey {
            metadata[UpdateMetadata.idempotencyKey] = .string(key)
            metadata[UpdateMetadata.bodyDigest] = .string(content.digest)
        }
        let message = Message(
            messageID: MessageID.make(), type: draft.type, senderID: draft.senderID, timestamp: Timestamp.now(),
            roundNumber: content.round, metadata: metadata)
        try self.init(core, draft, content.text, message, .none, tell)
    }

    private init(
        _ core: GatewayCore, _ draft: MessageDraft, _ text: MessageText, _ message: Message, _ compression: Codec,
        _ tell: @escaping Tell
    ) throws(Failure) {
        self.core = core
        self.draft = draft
        self.text = text
        self.message = message
        self.tell = tell
        isCompressed = compression != .none
        record = try Self.seal(core, draft, text, message, compression)
    }

    func start() { append(attempt: 1) }

    private func append(attempt: Int) {
        let began = ContinuousClock.now
        core.log.append(record.record, to: draft.topic) { [self] result in
            let time = ContinuousClock.now - began
            switch result {
            case .success(let position):
                core.relay.noteStored(draft.type)
                tell(.success(MessageReceipt(messageID: message.messageID, position: position)))
            case .failure(let failure): recover(from: failure, attempt, time)
            }
        }
    }

    private func recover(from failure: LogFailure, _ attempt: Int, _ time: Duration) {
        if failure.kind == .tooLarge, !isCompressed {
            do throws(Failure) {
                return try MessageAppend(core, draft, text, message, .zstd, tell).start()
            } catch { return tell(.failure(error)) }
        }
        let policy = core.relay.retry
        guard policy.retries(failure, attempt: attempt, after: time), !core.isStopping else {
            return tell(.failure(Failure(failure)))
        }
        core.relay.retries.add()
        let delay = policy.delay(after: attempt, luck: Double.random(in: 0...1))
        _ = core.timers.schedule(after: delay) { [self] in append(attempt: attempt + 1) }
    }

    private static func seal(
        _ core: GatewayCore, _ draft: MessageDraft, _ text: MessageText, _ message: Message, _ compression: Codec
    ) throws(Failure) -> SealedRecord {
        // A key is 255 bytes at most, and its digest 64.
        let metadata = 1024
        let envelope = core.configuration.uploads.envelope
        let size = RecordSealer.capacity(
            forPayload: text.line.count, envelope: envelope, compression: .fixed(compression), metadata: metadata)
        guard let slab = core.relay.pool.acquire(size) else {
            throw Failure(.busy, "too many messages are on their way to the log")
        }
        var sealer = RecordSealer(slab: slab, envelope: envelope, compression: .fixed(compression), metadata: metadata)
        do {
            try text.line.withUnsafeBytes { try sealer.write($0) }
            return try sealer.seal(
                format: "json_base64", dataType: .metadata, modelVersion: nil, extraHeaders: draft.traceHeaders
            ) { _ in message }
        } catch {
            throw (error as? EnvelopeFailure).map { Failure($0) } ?? Failure(.internalError, String(describing: error))
        }
    }
}
