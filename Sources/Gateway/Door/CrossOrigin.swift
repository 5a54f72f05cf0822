internal import MicroHTTP

/// Cross-origin requests of pages in browsers (WHATWG Fetch, section 3.2); off unless origins are configured.
struct CrossOrigin: Sendable {
    private let origins: Set<String>

    init(_ origins: [String]) { self.origins = Set(origins) }

    /// Header lines for every answer to a page of a known origin; none for others.
    func headers(_ request: borrowing Request) -> [(String, String)] {
        guard !origins.isEmpty, let origin = request.header("Origin"), origins.contains(origin) else { return [] }
        return [
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Expose-Headers", "ETag, Fed-Round, Location, Retry-After, Upload-Offset, X-Request-Id"),
        ]
    }

    /// The answer to a preflight; nil when the request is none.
    func preflight(_ request: borrowing Request) -> Response? {
        guard !origins.isEmpty, request.method == "OPTIONS", request.header("Access-Control-Request-Method") != nil,
            let origin = request.header("Origin"), origins.contains(origin)
        else { return nil }
        return Response(
            status: 204,
            headers: [
                ("Access-Control-Allow-Methods", "GET, HEAD, PUT, POST, PATCH, DELETE"),
                (
                    "Access-Control-Allow-Headers",
                    "Authorization, Content-Type, Content-Encoding, Content-Digest, Fed-Metadata, Idempotency-Key, If-None-Match, "
                        + "Last-Event-ID, Upload-Complete, Upload-Offset"
                ),
                ("Access-Control-Max-Age", "600"), ("Vary", "Origin"),
            ])
    }
}
