/// The events of commands behind a cursor.
///
/// Thread: one at a time. Unchecked for that reason.
final class CommandSource: EventSource, @unchecked Sendable {
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
