internal import Envelopes
internal import MicroHTTP
internal import WireTime

/// What clients say of themselves, and what is known of them.
enum ClientRoutes {
    static func register(_ request: borrowing Request, _ call: Call) throws(Failure) -> Acceptance {
        try intake(request, call, .clientRegistration)
    }

    /// `POST` of a report.
    static func post(_ type: MessageType) -> Route.Operation {
        { request, call throws(Failure) in try intake(request, call, type) }
    }

    private static func intake(
        _ request: borrowing Request, _ call: Call, _ type: MessageType
    ) throws(Failure) -> Acceptance {
        let draft = try MessageDraft(request, type, from: try client(call))
        return .handle(MessageIntake(call.core, draft, call.id))
    }

    static func list(_ request: borrowing Request, _ call: Call) throws(Failure) -> Acceptance {
        let after = try Query(request, known: ["after"])["after"]
        let core = call.core
        return question(call) { () throws(Failure) in
            let (page, hasMore) = core.relay.registered(after: after)
            var line = JSONLine()
            line.raw(#"{"clients":"#)
            line.list(page, write)
            if hasMore, let last = page.last {
                line.raw(#","next":"#)
                line.string(last.senderID)
            }
            line.raw("}")
            return line
        }
    }

    static func one(_ request: borrowing Request, _ call: Call) throws(Failure) -> Acceptance {
        _ = try Query(request, known: [])
        let (core, id) = (call.core, try client(call))
        return question(call) { () throws(Failure) in
            guard let registration = core.relay.client(id)?.registration else {
                throw Failure(.clientUnknown, "client \"\(id)\" has not registered")
            }
            var line = JSONLine()
            write(registration, to: &line)
            return line
        }
    }

    /// `GET` of reports.
    static func reports(_ type: MessageType) -> Route.Operation {
        { request, call throws(Failure) in
            _ = try Query(request, known: [])
            let (core, id) = (call.core, try client(call))
            return question(call) { () throws(Failure) in
                guard let client = core.relay.client(id) else {
                    throw Failure(.clientUnknown, "nothing was heard of client \"\(id)\"")
                }
                var line = JSONLine()
                line.raw(#"{"reports":"#)
                line.list(client.reports[type] ?? []) { message, line in
                    line.raw(#"{"received_at":"\#(Timestamp.text(message.timestamp))","report":"#)
                    line.text(message.text)
                    line.raw("}")
                }
                line.raw("}")
                return line
            }
        }
    }

    private static func client(_ call: Call) throws(Failure) -> String {
        let id = call.parameters["client_id"] ?? ""
        try UploadRequest.check(id)
        return id
    }

    private static func write(_ message: SmallMessage, to line: inout JSONLine) {
        line.raw(#"{"client_id":"#)
        line.string(message.senderID)
        line.raw(#","registered_at":"\#(Timestamp.text(message.timestamp))","registration":"#)
        line.text(message.text)
        line.raw("}")
    }

    private static func question(
        _ call: Call, _ answer: @escaping @Sendable () throws(Failure) -> JSONLine
    ) -> Acceptance {
        .handle(ClientQuestion(call.core, call.id, answer))
    }
}

/// A request whose answer needs what clients have said so far; a gateway that has just started reads it first.
private final class ClientQuestion: ExchangeHandler {
    private let core: GatewayCore
    private let id: String
    private let answer: @Sendable () throws(Failure) -> JSONLine

    init(_ core: GatewayCore, _ id: String, _ answer: @escaping @Sendable () throws(Failure) -> JSONLine) {
        self.core = core
        self.id = id
        self.answer = answer
    }

    func body(_ piece: UnsafeRawBufferPointer, _ exchange: Exchange) -> BodyVerdict { .consumed }

    func end(_ exchange: Exchange) -> EndVerdict {
        core.relay.clients.whenRead(nil, within: .seconds(10)) { [core, id, answer] isRead in
            do throws(Failure) {
                guard isRead else { throw Failure(.logUnreachable, "the clients' messages are still being read") }
                var line = try answer()
                line.raw("\n")
                exchange.reply(Answers.text(line.bytes, type: "application/json"))
            } catch { exchange.reply(core.refuse(error, id)) }
        }
        return .later
    }

    func ended(_ exchange: Exchange, _ outcome: Outcome) {}
}
