internal import MicroHTTP

/// One server-sent event (WHATWG HTML, section 9.2).
struct ServerEvent: Sendable {
    let id: String
    let name: String
    /// One line of UTF-8.
    let data: [UInt8]

    var bytes: [UInt8] {
        Array("id: \(id)\nevent: \(name)\ndata: ".utf8) + data + Array("\n\n".utf8)
    }
}

/// Gives the events behind the one that a client saw last.
///
/// It keeps a place, not a queue: however slowly a client reads, it costs one event at a time.
///
/// Thread: one at a time.
protocol EventSource: AnyObject, Sendable {
    /// The next ones, a few at a time; none when there are none yet.
    func next() -> [ServerEvent]
}

/// A client that listens to events for as long as it likes.
///
/// Thread: the server calls it from one worker at a time. Unchecked for that reason.
final class EventStream: ExchangeHandler, BodySource, @unchecked Sendable {
    static let mediaType = "text/event-stream"
    /// After so long without an event a comment is sent, so that both sides notice when the other is gone.
    static let heartbeat: Duration = .seconds(15)
    /// Milliseconds after which a client is to come back that lost its connection.
    private static let retry = 2000

    private let source: any EventSource
    private let listeners: Listeners
    private var hasBegun = false
    private var beats = 0

    init(_ source: any EventSource, _ listeners: Listeners) {
        self.source = source
        self.listeners = listeners
        beats = listeners.beats
    }

    /// Whether a request would rather have events than JSON.
    static func isWanted(_ request: borrowing Request) -> Bool {
        guard let accept = request.header("Accept") else { return false }
        let types = AcceptedTypes(accept)
        return types.weight(of: mediaType) > types.weight(of: "application/json")
    }

    /// Answers an exchange whose handler calls `leave` at its end.
    func response(_ exchange: Exchange) -> Response {
        listeners.add(exchange)
        return Response(
            status: 200,
            headers: [
                ("Content-Type", Self.mediaType), ("Cache-Control", "no-store"), ("Vary", "Accept"),
                // Proxies of the nginx family hold answers back otherwise.
                ("X-Accel-Buffering", "no"),
            ], body: .stream(self))
    }

    func leave(_ exchange: Exchange) { listeners.remove(exchange) }

    func body(_ piece: UnsafeRawBufferPointer, _ exchange: Exchange) -> BodyVerdict { .consumed }

    func end(_ exchange: Exchange) -> EndVerdict { .reply(response(exchange)) }

    func ended(_ exchange: Exchange, _ outcome: Outcome) { leave(exchange) }

    func next() -> BodyStep {
        guard hasBegun else {
            hasBegun = true
            return .bytes(Array("retry: \(Self.retry)\n\n".utf8))
        }
        let now = listeners.beats
        defer { beats = now }
        let events = source.next()
        if !events.isEmpty { return .bytes(events.flatMap(\.bytes)) }
        return now == beats ? .wait : .bytes(Array(":\n\n".utf8))
    }
}
