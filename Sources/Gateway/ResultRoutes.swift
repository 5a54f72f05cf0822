internal import MicroHTTP
internal import WeightFormats

/// `GET|HEAD /rounds/{n}/result` and `/rounds/latest/result`.
enum ResultRoutes {
    static func result(_ request: borrowing Request, _ call: Call) throws(Failure) -> Acceptance {
        try answer(call, ResultErrand.of(request, round: call.parameters["round"], call))
    }

    static func latest(_ request: borrowing Request, _ call: Call) throws(Failure) -> Acceptance {
        try answer(call, ResultErrand.of(request, round: nil, call))
    }

    private static func answer(_ call: Call, _ errand: ResultErrand) -> Acceptance {
        let changes = call.core.store.changes
        if let known = errand.unchanged(changes) { return .reply(known) }
        return answer(call.core, errand, call.id, asOf: changes)
    }

    private static func answer(
        _ core: GatewayCore, _ errand: ResultErrand, _ id: String, asOf changes: Int
    ) -> Acceptance {
        let request = errand.request
        if let result = request.round.map({ core.store[$0] }) ?? core.store.latest {
            // A wait for the latest is a wait for another one than the client holds.
            if request.round != nil || request.wait.seconds == 0 || !request.holds(result) {
                guard let ready = response(core, request, result, id) else {
                    return .handle(FormWait(core, request, result, id))
                }
                if ready.status == 304 { errand.keep(ready, asOf: changes) }
                return .reply(ready)
            }
        }
        guard request.wait.seconds > 0 else { return .reply(pending(core, request, id)) }
        return .handle(LongPoll(core, request, id))
    }

    /// Answers with a result, at once or when it is there in the format that is wanted.
    static func send(
        _ core: GatewayCore, _ request: ResultRequest, _ result: StoredResult, _ id: String, to exchange: Exchange
    ) {
        if let ready = response(core, request, result, id) { return exchange.reply(ready) }
        core.forms.make(request.format, of: result) { failure in
            let made = failure == nil ? core.store[result.round].flatMap { response(core, request, $0, id) } : nil
            let failure = failure ?? Failure(.internalError, "the result is not there in the format any more")
            exchange.reply(made ?? core.refuse(failure, id))
        }
    }

    /// 200, 206 or 304, or why none of them; nil when the result has to be made in the format first.
    static func response(
        _ core: GatewayCore, _ request: ResultRequest, _ result: StoredResult, _ id: String
    ) -> Response? {
        if result.isExpired {
            return core.refuse(Failure(.roundExpired, "the result of round \(result.round) is not kept any more"), id)
        }
        let representations = result.representations.all.filter { $0.format == request.format.name }
        guard !representations.isEmpty else { return nil }
        guard let chosen = request.choose(representations) else {
            return core.refuse(
                Failure(.notAcceptable, "the result cannot be had in any coding that Accept-Encoding admits"), id)
        }
        guard request.admits(chosen.etag) else {
            return core.refuse(Failure(.preconditionFailed, "the result's ETag is \(chosen.etag)"), id)
        }
        var headers = fields(request, result, chosen)
        if request.holds(chosen.etag) { return result.representations.unchanged(headers) }
        if request.format.name == WeightFormats.standard.name { core.copies.want(for: request, result) }
        guard let file = core.store.slice(of: result, chosen) else {
            return core.refuse(Failure(.internalError, "the file of the result cannot be opened"), id)
        }
        headers.append(("Content-Type", request.format.mediaType))
        headers.append(("Accept-Ranges", "bytes"))
        headers.append(("Repr-Digest", chosen.digestField))
        if let coding = chosen.coding { headers.append(("Content-Encoding", coding.rawValue)) }
        switch request.range(of: chosen) {
        case .whole:
            // Of the content that is sent, and HEAD sends none (RFC 9530, appendix B.2).
            if !request.isHead { headers.append(("Content-Digest", chosen.digestField)) }
            return Response(status: 200, headers: headers, body: .file(file))
        case .part(let range):
            guard let part = file.slice(range) else { break }
            headers.append(("Content-Range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(chosen.size)"))
            return Response(status: 206, headers: headers, body: .file(part))
        case .unsatisfiable: break
        }
        var failure = Failure(.rangeNotSatisfiable, "the result has \(chosen.size) bytes")
        failure.limit = UInt64(chosen.size)
        failure.headers = [("Content-Range", "bytes */\(chosen.size)")]
        return core.refuse(failure, id)
    }

    private static func fields(
        _ request: ResultRequest, _ result: StoredResult, _ chosen: Representation
    ) -> [(String, String)] {
        var headers = [
            ("ETag", chosen.etag), ("Fed-Round", String(result.round)), ("Vary", "Accept, Accept-Encoding, Fed-Base"),
        ]
        if request.round == nil {
            headers.append(("Cache-Control", "no-cache"))
            headers.append(("Content-Location", "/rounds/\(result.round)/result"))
        } else {
            headers.append(("Cache-Control", "public, max-age=31536000, immutable"))
        }
        return headers + request.wait.headers
    }

    static func pending(_ core: GatewayCore, _ request: ResultRequest, _ id: String) -> Response {
        let what = request.round.map { "round \($0)" } ?? "any round"
        return core.refuse(Failure(.roundPending, "there is no result of \(what) yet"), id)
    }
}

/// A client whose result is being written in the format that it wants.
///
/// Thread: any; the exchange takes the first reply.
private final class FormWait: ExchangeHandler {
    private let core: GatewayCore
    private let request: ResultRequest
    private let result: StoredResult
    private let id: String

    init(_ core: GatewayCore, _ request: ResultRequest, _ result: StoredResult, _ id: String) {
        self.core = core
        self.request = request
        self.result = result
        self.id = id
    }

    func body(_ piece: UnsafeRawBufferPointer, _ exchange: Exchange) -> BodyVerdict { .consumed }

    func end(_ exchange: Exchange) -> EndVerdict {
        ResultRoutes.send(core, request, result, id, to: exchange)
        return .later
    }

    func ended(_ exchange: Exchange, _ outcome: Outcome) {}
}
