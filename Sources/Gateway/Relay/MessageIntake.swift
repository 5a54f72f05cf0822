internal import MicroHTTP
internal import WireJSON

/// A request that brings a small message: gathered, checked, stored.
///
/// Thread: the server calls it from one worker at a time. Unchecked for that reason.
final class MessageIntake: ExchangeHandler, @unchecked Sendable {
    /// How long the receipt waits until this gateway shows what it is for.
    private static let patience: Duration = .seconds(2)

    private let core: GatewayCore
    private let draft: MessageDraft
    private let id: String
    private var gathered: [UInt8] = []
    private var command: KeyedCommand?

    init(_ core: GatewayCore, _ draft: MessageDraft, _ id: String) {
        self.core = core
        self.draft = draft
        self.id = id
    }

    func body(_ piece: UnsafeRawBufferPointer, _ exchange: Exchange) -> BodyVerdict {
        guard gathered.count + piece.count <= SmallMessage.mostBytes else {
            return .reject(core.refuse(UploadRequest.tooLarge(SmallMessage.mostBytes), id))
        }
        guard core.relay.reserve(piece.count) else {
            return .reject(core.refuse(Failure(.busy, "too many messages are being received"), id))
        }
        gathered.append(contentsOf: piece)
        return .consumed
    }

    func end(_ exchange: Exchange) -> EndVerdict {
        do throws(Failure) {
            let content = try draft.read(gathered)
            if let key = draft.idempotencyKey {
                let command = KeyedCommand(core, draft, content, key, bytes: gathered.count) { [core, id] outcome in
                    exchange.reply(outcome.response(core, id))
                }
                // The command has the bytes, and gives them back.
                gathered = []
                self.command = command
                command.start()
                return .later
            }
            try MessageAppend(core, draft, content) { [core, draft, id] result in
                switch result {
                case .failure(let failure): exchange.reply(core.refuse(failure, id))
                case .success(let receipt):
                    // So that who has a receipt finds the message here.
                    core.relay.follower(of: draft.topic).whenRead(receipt.position, within: Self.patience) { _ in
                        exchange.reply(receipt.response(isRepeat: false))
                    }
                }
            }.start()
            return .later
        } catch {
            return .reply(core.refuse(error, id))
        }
    }

    func ended(_ exchange: Exchange, _ outcome: Outcome) {
        core.relay.release(gathered.count)
        gathered = []
        if case .answered = outcome {} else { command?.abandon() }
        command = nil
    }
}
