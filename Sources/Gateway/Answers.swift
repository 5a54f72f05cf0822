internal import MicroHTTP
internal import WireJSON

/// The responses that all operations share.
enum Answers {
    /// A JSON object.
    static func json(_ members: [String: JSONValue], status: Int = 200, headers: [(String, String)] = []) -> Response {
        // Every value comes from finite numbers and text, so that encoding does not fail; if it did, the client gets
        // an empty object rather than nothing.
        let body = (try? JSONValue.object(members).encoded()) ?? Array("{}".utf8)
        let fields = [("Content-Type", "application/json"), ("Cache-Control", "no-store")] + headers
        return Response(status: status, headers: fields, body: .bytes(body + [UInt8(ascii: "\n")]))
    }

    /// A text.
    static func text(_ body: [UInt8], type: String, status: Int = 200) -> Response {
        Response(status: status, headers: [("Content-Type", type), ("Cache-Control", "no-store")], body: .bytes(body))
    }

    /// A failure as problem details (RFC 9457).
    ///
    /// - Parameters:
    ///   - failure: what went wrong.
    ///   - request: the request's id, which the log names too.
    static func problem(_ failure: Failure, request: String) -> Response {
        let row = failure.kind.row
        var members: [String: JSONValue] = [
            "type": .string("/problems/" + failure.kind.rawValue), "title": .string(row.title),
            "status": .integer(Int64(row.status)), "detail": .string(failure.detail), "request_id": .string(request),
            "retriable": .bool(row.retriable),
        ]
        if let array = failure.array { members["array"] = .integer(Int64(array)) }
        if let name = failure.name { members["name"] = .string(name) }
        if let offset = failure.offset { members["offset"] = .integer(Int64(clamping: offset)) }
        if let limit = failure.limit { members["limit"] = .integer(Int64(clamping: limit)) }
        let body = (try? JSONValue.object(members).encoded()) ?? Array("{}".utf8)
        var headers = [("Content-Type", "application/problem+json"), ("Cache-Control", "no-store")]
        if row.status == 503 || failure.kind == .roundPending { headers.append(("Retry-After", "1")) }
        var response = Response(
            status: row.status, headers: headers + failure.headers, body: .bytes(body + [UInt8(ascii: "\n")]))
        response.about = AnswerNote(.problem(failure.kind))
        return response
    }
}
