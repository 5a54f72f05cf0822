internal import MicroHTTP

/// `GET /`, `/status` and the page's files.
enum StatusRoutes {
    /// The page for browsers, two curl commands and the routes for everybody else.
    static func index(_ request: borrowing Request, _ call: Call) -> Acceptance {
        let types = request.header("Accept").map { AcceptedTypes($0) }
        if let types, types.weight(of: "text/html") > types.weight(of: "text/plain") {
            return .reply(StatusPage.response(StatusPage.html, request))
        }
        let lines =
            [
                "fedgate: federated learning over HTTP", "",
                "upload:  curl -T weights.fedwt http://HOST/rounds/1/updates/CLIENT",
                "result:  curl -f -o result.fedwt 'http://HOST/rounds/1/result?wait=30'", "",
            ] + Route.all.map { "\($0.method) \($0.pattern)" } + [""]
        var response = Answers.text(Array(lines.joined(separator: "\n").utf8), type: "text/plain; charset=utf-8")
        response.headers.append(("Vary", "Accept"))
        return .reply(response)
    }

    static func file(_ request: borrowing Request, _ call: Call) throws(Failure) -> Acceptance {
        guard let asset = StatusPage.files[call.parameters["name"] ?? ""] else {
            throw Failure(.notFound, "there is nothing at this path")
        }
        return .reply(StatusPage.response(asset, request))
    }

    /// What the page shows, once as JSON or every second as events.
    static func status(_ request: borrowing Request, _ call: Call) throws(Failure) -> Acceptance {
        let core = call.core
        guard EventStream.isWanted(request) else {
            var response = Answers.json(core.status.snapshot(core))
            response.headers.append(("Vary", "Accept"))
            return .reply(response)
        }
        return .handle(StatusHandler(core))
    }
}

/// Begins the looking once the listener is there.
///
/// Thread: the server calls it from one worker at a time. Unchecked for that reason.
private final class StatusHandler: ExchangeHandler, @unchecked Sendable {
    private let core: GatewayCore
    private let stream: EventStream

    init(_ core: GatewayCore) {
        self.core = core
        stream = EventStream(StatusStream(core.status), core.status.listeners)
    }

    func body(_ piece: UnsafeRawBufferPointer, _ exchange: Exchange) -> BodyVerdict { .consumed }

    func end(_ exchange: Exchange) -> EndVerdict {
        let response = stream.response(exchange)
        core.status.keepLooking(core)
        return .reply(response)
    }

    func ended(_ exchange: Exchange, _ outcome: Outcome) { stream.leave(exchange) }
}
