internal import Envelopes
internal import MicroHTTP
internal import Threads
internal import WireTime

/// `POST /commands` and `GET /commands`.
enum CommandRoutes {
    static func post(_ request: borrowing Request, _ call: Call) throws(Failure) -> Acceptance {
        .handle(MessageIntake(call.core, try MessageDraft(request, .trainingCommand, from: "gateway"), call.id))
    }

    static func list(_ request: borrowing Request, _ call: Call) throws(Failure) -> Acceptance {
        let query = try Query(request, known: ["after", "wait"])
        let wait = try WaitTime(request, query)
        let after = try cursor(query["after"], "after")
        let last = try cursor(request.header("Last-Event-ID"), "Last-Event-ID")
        guard EventStream.isWanted(request) else {
            return .handle(CommandPoll(call.core, after: after ?? LogCursor(), wait))
        }
        // Where a client comes back to is later than where it began.
        let source = CommandSource(call.core.relay, after: last ?? after ?? LogCursor())
        return .handle(EventStream(source, call.core.relay.commandListeners))
    }

    private static func cursor(_ text: String?, _ name: String) throws(Failure) -> LogCursor? {
        guard let text else { return nil }
        guard let cursor = LogCursor(text) else {
            throw Failure(.badRequest, "\(name) \"\(text)\" is no cursor; take one from an answer, such as 0-17")
        }
        return cursor
    }

    /// A command as it stands in lists and events.
    static func write(_ cursor: LogCursor, _ message: SmallMessage, to line: inout JSONLine) {
        line.raw(#"{"cursor":"#)
        line.string(cursor.text)
        line.raw(#","sent_at":"\#(Timestamp.text(message.timestamp))","command":"#)
        line.text(message.text)
        line.raw("}")
    }
}

/// The events of commands behind a cursor.
///
/// Thread: one at a time. Unchecked for that reason.
private final class CommandSource: EventSource, @unchecked Sendable {
    private static let most = 16

    private let relay: Relay
    private var cursor: LogCursor

    init(_ relay: Relay, after cursor: LogCursor) {
        self.relay = relay
        self.cursor = cursor
    }

    func next() -> [ServerEvent] {
        let before = cursor
        let page = relay.page(after: before, most: Self.most)
        cursor = page.cursor
        var events = page.commands.map { cursor, message in
            var line = JSONLine()
            CommandRoutes.write(cursor, message, to: &line)
            return ServerEvent(id: cursor.text, name: "command", data: line.bytes)
        }
        if page.isTruncated {
            let data = Array(#"{"detail":"commands in between are not kept any more"}"#.utf8)
            events.insert(ServerEvent(id: before.text, name: "gap", data: data), at: 0)
        }
        return events
    }
}

/// A client that asks for commands, and perhaps waits until there are some.
///
/// Thread: any; the exchange takes the first reply.
private final class CommandPoll: ExchangeHandler, Waiter {
    private let core: GatewayCore
    private let cursor: LogCursor
    private let wait: WaitTime
    private let turn = Turn()

    init(_ core: GatewayCore, after cursor: LogCursor, _ wait: WaitTime) {
        self.core = core
        self.cursor = cursor
        self.wait = wait
    }

    func body(_ piece: UnsafeRawBufferPointer, _ exchange: Exchange) -> BodyVerdict { .consumed }

    func end(_ exchange: Exchange) -> EndVerdict {
        // A gateway that has just started answers when it has read what there is.
        let patience = max(Duration.seconds(wait.seconds), core.relay.commands.isCaughtUp ? .zero : .seconds(10))
        turn.begin(exchange, patience == .zero ? nil : core.timers.schedule(after: patience) { [self] in answer() })
        core.relay.commandListeners.add(self)
        resume()
        return .later
    }

    func resume() {
        let isOver = core.isStopping || wait.seconds == 0 && core.relay.commands.isCaughtUp
        if isOver || !core.relay.page(after: cursor, most: 1).commands.isEmpty { answer() }
    }

    func ended(_ exchange: Exchange, _ outcome: Outcome) {
        core.relay.commandListeners.remove(self)
        turn.end()
    }

    private func answer() {
        guard let exchange = turn.exchange else { return }
        let page = core.relay.page(after: cursor)
        var line = JSONLine()
        line.raw(#"{"commands":"#)
        line.list(page.commands) { CommandRoutes.write($0.cursor, $0.message, to: &$1) }
        line.raw(#","cursor":"#)
        line.string(page.cursor.text)
        line.raw(",\"truncated\":\(page.isTruncated)}\n")
        var response = Answers.text(line.bytes, type: "application/json")
        response.headers.append(("Vary", "Accept"))
        if wait.isPreference { response.headers.append(("Preference-Applied", "wait=\(wait.seconds)")) }
        exchange.reply(response)
    }
}
