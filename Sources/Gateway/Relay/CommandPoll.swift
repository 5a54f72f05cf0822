internal import MicroHTTP
internal import Threads

/// A client that asks for commands, and perhaps waits until there are some.
///
/// Thread: any; the exchange takes the first reply.
final class CommandPoll: ExchangeHandler, Waiter {
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
        response.headers += wait.headers
        exchange.reply(response)
    }
}
