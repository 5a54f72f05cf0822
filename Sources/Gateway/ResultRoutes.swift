internal import MicroHTTP

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
            if request.round != nil || request.wait == 0 || !request.holds(result) {
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
        guard let chosen = request.choose(result.representations) else {
            return core.refuse(
                Failure(.notAcceptable, "the result cannot be had in any coding that Accept-Encoding admits"), id)
        }
        guard request.admits(chosen.etag) else {
            return core.refuse(Failure(.preconditionFailed, "the result's ETag is \(chosen.etag)"), id)
        }
        var headers = fields(request, result, chosen)
        // Without the length that 200 would have: it may be left out, and there are parsers that wait for such a body.
        if request.holds(chosen.etag) { return Response(status: 304, headers: headers) }
        core.copies.want(for: request, result)
        guard let file = core.store.slice(of: result, chosen) else {
            return core.refuse(Failure(.internalError, "the file of the result cannot be opened"), id)
        }
        headers.append(("Content-Type", ResultRequest.mediaType))
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
