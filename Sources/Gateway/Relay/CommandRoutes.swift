internal import Envelopes
internal import MicroHTTP
internal import WireTime

/// `POST /commands` and `GET /commands`.
enum CommandRoutes {
    static func post(_ request: borrowing Request, _ call: Call) throws(Failure) -> Acceptance {
        .handle(MessageIntake(call.core, try MessageDraft(request, .trainingCommand, from: "gateway"), call.id))
    }

    static func list(_ request: borrowing Request, _ call: Call) throws(Failure) -> Acceptance {
        let query = try Query(request, known: ["after", "wait"])
        let wait = try WaitTime(request, query, most: call.core.configuration.maxWait)
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
