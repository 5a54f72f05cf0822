internal import EventLog
internal import MicroHTTP

/// A command with an idempotency key: issued once, however often and at whichever gateway it is sent.
///
/// A client that got no answer sends it again, and clients must not be told twice to begin. What was issued is looked up
/// before; and after, since another gateway may have appended the same one meanwhile: then the first on the log counts, for
/// every reader.
///
/// Thread: any, one step after the other.
final class KeyedCommand: Sendable {
    /// What became of it.
    enum Outcome: Sendable {
        case issued(MessageReceipt, isRepeat: Bool)
        case failed(Failure)

        func response(_ core: GatewayCore, _ requestID: String) -> Response {
            switch self {
            case .issued(let receipt, let isRepeat): receipt.response(isRepeat: isRepeat)
            case .failed(let failure): core.refuse(failure, requestID)
            }
        }
    }

    /// How long what is on the log may take to be read here, and one with the same key to be settled.
    private static let patience: Duration = .seconds(10)

    private let core: GatewayCore
    private let draft: MessageDraft
    private let content: MessageDraft.Content
    private let key: String
    private let bytes: Int
    private let began = ContinuousClock.now
    private let tell: @Sendable (Outcome) -> Void

    /// - Parameters:
    ///   - bytes: of the body, reserved of the relay; given back when the command is let go of, for it may outlive its client.
    ///   - tell: called once, unless it was abandoned; on any thread, must not block.
    init(
        _ core: GatewayCore, _ draft: MessageDraft, _ content: MessageDraft.Content, _ key: String, bytes: Int,
        _ tell: @escaping @Sendable (Outcome) -> Void
    ) {
        self.core = core
        self.draft = draft
        self.content = content
        self.key = key
        self.bytes = bytes
        self.tell = tell
    }

    deinit { core.relay.release(bytes) }

    /// Begins; the rest follows from the log's answers.
    func start() { core.turns.begin(turn, for: self) { [self] in lookThenAppend() } }

    /// Its client is gone: one that still waits for its turn is not issued.
    func abandon() { core.turns.leave(turn, self) }

    /// No client is called so.
    private var turn: UploadTurns.Key { UploadTurns.Key(round: 0, clientID: draft.senderID, key: key) }

    /// A gateway that has just started does not know yet what was issued.
    private func lookThenAppend() {
        let left = max(.zero, Self.patience - (.now - began))
        core.relay.commands.whenRead(nil, within: left) { [self] isRead in
            guard isRead else {
                return finish(.failed(Failure(.logUnreachable, "the commands of before are still being read")))
            }
            if let earlier = core.relay.command(by: key) { return finish(verdict(on: earlier)) }
            // Else those behind a log that is slow would wait for it one after the other.
            guard left > .zero else {
                return finish(.failed(Failure(.logUnreachable, "another one with the key \"\(key)\" took too long")))
            }
            do throws(Failure) {
                try MessageAppend(core, draft, content) { [self] result in
                    switch result {
                    case .success(let receipt): settle(receipt)
                    case .failure(let failure): finish(.failed(failure))
                    }
                }.start()
            } catch { finish(.failed(error)) }
        }
    }

    /// Reads the command back: which one of its key is the first, the log decides.
    private func settle(_ receipt: MessageReceipt) {
        core.relay.commands.whenRead(receipt.position, within: Self.patience) { [self] isRead in
            guard isRead else {
                let reason = "the command is on the log, which could not be read back: send it again with the same key"
                return finish(.failed(Failure(.outcomeUnknown, reason)))
            }
            guard let first = core.relay.command(by: key), first.messageID != receipt.messageID else {
                return finish(.issued(receipt, isRepeat: false))
            }
            finish(verdict(on: first))
        }
    }

    private func verdict(on earlier: SmallMessage) -> Outcome {
        guard earlier.key?.bodyDigest == content.digest else {
            return .failed(Failure(.keyReused, "the key \"\(key)\" was used for another command"))
        }
        let receipt = MessageReceipt(messageID: earlier.messageID, position: earlier.position)
        return .issued(receipt, isRepeat: true)
    }

    private func finish(_ outcome: Outcome) {
        tell(outcome)
        core.turns.end(turn)
    }
}
