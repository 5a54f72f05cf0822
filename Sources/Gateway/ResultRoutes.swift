internal import MicroHTTP
internal import Synchronization
internal import Threads

/// `GET|HEAD /rounds/{n}/result` and `/rounds/latest/result`.
enum ResultRoutes {
    static func result(_ request: borrowing Request, _ call: Call) throws(Failure) -> Acceptance {
        try answer(call.core, ResultRequest(request, round: call.parameters["round"]), call.id)
    }

    static func latest(_ request: borrowing Request, _ call: Call) throws(Failure) -> Acceptance {
        try answer(call.core, ResultRequest(request, round: nil), call.id)
    }

    private static func answer(
        _ core: GatewayCore, _ request: ResultRequest, _ id: String
    ) throws(Failure) -> Acceptance {
        if let result = request.round.map({ core.store[$0] }) ?? core.store.latest {
            // A wait for the latest is a wait for another one than the client holds.
            if request.round != nil || request.wait == 0 || !request.holds(result.etag) {
                return .reply(respond(core, request, result, id))
            }
        }
        guard request.wait > 0 else { return .reply(missing(core, request, id)) }
        return .handle(LongPoll(core, request, id))
    }

    /// 200, 206 or 304, or why none of them.
    static func respond(_ core: GatewayCore, _ request: ResultRequest, _ result: StoredResult, _ id: String) -> Response
    {
        if result.isExpired {
            return core.refuse(Failure(.roundExpired, "the result of round \(result.round) is not kept any more"), id)
        }
        guard request.admits(result.etag) else {
            return core.refuse(Failure(.preconditionFailed, "the result's ETag is \(result.etag)"), id)
        }
        guard let file = core.store.slice(of: result) else {
            return core.refuse(Failure(.internalError, "the file of the result cannot be opened"), id)
        }
        var headers = fields(request, result)
        // Without the length that 200 would have: it may be left out, and there are parsers that wait for such a body.
        if request.holds(result.etag) { return Response(status: 304, headers: headers) }
        headers.append(("Content-Type", ResultRequest.mediaType))
        headers.append(("Accept-Ranges", "bytes"))
        headers.append(("Repr-Digest", result.digestField))
        switch request.range(of: result.etag, size: result.size) {
        case .whole:
            headers.append(("Content-Digest", result.digestField))
            return Response(status: 200, headers: headers, body: .file(file))
        case .part(let range):
            guard let part = file.slice(range) else { break }
            headers.append(("Content-Range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(result.size)"))
            return Response(status: 206, headers: headers, body: .file(part))
        case .unsatisfiable: break
        }
        var failure = Failure(.rangeNotSatisfiable, "the result has \(result.size) bytes")
        failure.limit = UInt64(result.size)
        failure.headers = [("Content-Range", "bytes */\(result.size)")]
        return core.refuse(failure, id)
    }

    private static func fields(_ request: ResultRequest, _ result: StoredResult) -> [(String, String)] {
        var headers = [
            ("ETag", result.etag), ("Fed-Round", String(result.round)), ("Vary", "Accept, Accept-Encoding, Fed-Base"),
        ]
        if request.round == nil {
            headers.append(("Cache-Control", "no-cache"))
            headers.append(("Content-Location", "/rounds/\(result.round)/result"))
        } else {
            headers.append(("Cache-Control", "public, max-age=31536000, immutable"))
        }
        if request.isPreference { headers.append(("Preference-Applied", "wait=\(request.wait)")) }
        return headers
    }

    /// 404, or 304 for a client that waited for a newer latest in vain.
    static func missing(_ core: GatewayCore, _ request: ResultRequest, _ id: String) -> Response {
        if request.round == nil, let latest = core.store.latest { return respond(core, request, latest, id) }
        let what = request.round.map { "round \($0)" } ?? "any round"
        return core.refuse(Failure(.roundPending, "there is no result of \(what) yet"), id)
    }
}

/// A client that waits for a result: a suspended connection, a watcher and a timer.
///
/// Thread: any; the exchange takes the first reply.
private final class LongPoll: ExchangeHandler {
    private let core: GatewayCore
    private let request: ResultRequest
    private let id: String
    private let waiting = Mutex<(watcher: UInt64, timer: Threads.Timer)?>(nil)

    init(_ core: GatewayCore, _ request: ResultRequest, _ id: String) {
        self.core = core
        self.request = request
        self.id = id
    }

    func body(_ piece: UnsafeRawBufferPointer, _ exchange: Exchange) -> BodyVerdict { .consumed }

    func end(_ exchange: Exchange) -> EndVerdict {
        let (core, request, id) = (core, request, id)
        let watcher = core.store.watch { result in
            let isWanted = request.round.map { $0 == result.round } ?? !request.holds(result.etag)
            if isWanted { exchange.reply(ResultRoutes.respond(core, request, result, id)) }
            return isWanted
        }
        let timer = core.timers.schedule(after: .seconds(request.wait)) {
            core.store.unwatch(watcher)
            exchange.reply(ResultRoutes.missing(core, request, id))
        }
        waiting.withLock { $0 = (watcher, timer) }
        // The result may have come between the first look and the watcher.
        if let round = request.round, let result = core.store[round] {
            return .reply(ResultRoutes.respond(core, request, result, id))
        }
        return .later
    }

    func ended(_ exchange: Exchange, _ outcome: Outcome) {
        guard let (watcher, timer) = waiting.withLock({ $0.take() }) else { return }
        core.store.unwatch(watcher)
        timer.cancel()
    }
}
