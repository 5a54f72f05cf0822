/// Everything that can go wrong with a request, as a client sees it: the one table of statuses (http-api.md, "Errors").
///
/// The name is the last part of the problem's `type`, and `/problems/<name>` explains it.
enum FailureKind: String, CaseIterable, Sendable {
    case badRequest = "bad-request"
    case badFraming = "bad-framing"
    case unauthorized
    case forbidden
    case quotaExceeded = "quota-exceeded"
    case notFound = "not-found"
    case clientUnknown = "client-unknown"
    case roundUnknown = "round-unknown"
    case roundPending = "round-pending"
    case roundExpired = "round-expired"
    case preconditionFailed = "precondition-failed"
    case rangeNotSatisfiable = "range-not-satisfiable"
    case methodNotAllowed = "method-not-allowed"
    case notAcceptable = "not-acceptable"
    case requestTimeout = "request-timeout"
    case roundClosed = "round-closed"
    case clientConflict = "client-conflict"
    case mismatchingOffset = "mismatching-offset"
    case uploadComplete = "upload-complete"
    case uploadOvertaken = "upload-overtaken"
    case uploadUnknown = "upload-unknown"
    case tooLarge = "too-large"
    case unsupportedFormat = "unsupported-format"
    case unsupportedEncoding = "unsupported-encoding"
    case expectationFailed = "expectation-failed"
    case malformedWeights = "malformed-weights"
    case schemaMismatch = "schema-mismatch"
    case digestMismatch = "digest-mismatch"
    case keyReused = "key-reused"
    case internalError = "internal-error"
    case logTopic = "log-topic"
    case busy
    case stopping
    case logUnreachable = "log-unreachable"
    case outcomeUnknown = "outcome-unknown"
    case unsupportedVersion = "unsupported-version"

    /// One row of the table.
    struct Row {
        let status: Int
        let title: String
        /// Whether the same request may succeed later.
        let retriable: Bool
        /// For `/problems/<name>`: what it means and what to do.
        let explanation: String
    }

    var row: Row {
        switch self {
        case .badRequest:
            Row(
                status: 400, title: "The request is malformed", retriable: false,
                explanation:
                    "A part of the target, a header or a query item is not what it has to be; the detail names it.")
        case .badFraming:
            Row(
                status: 400, title: "The request's framing is ambiguous", retriable: false,
                explanation:
                    "Content-Length, Transfer-Encoding or Host contradict each other or RFC 9112; the connection closes."
            )
        case .unauthorized:
            Row(
                status: 401, title: "A token is needed", retriable: false,
                explanation:
                    "Send Authorization: Bearer and a token that `fedgate token create` made and that is still good.")
        case .forbidden:
            Row(
                status: 403, title: "The token does not admit to this", retriable: false,
                explanation:
                    "The token's scopes or its client are others than the request needs; the detail says which.")
        case .quotaExceeded:
            Row(
                status: 429, title: "The client's quota is used up", retriable: true,
                explanation: "Ask again after Retry-After seconds. The detail says which quota it is.")
        case .notFound:
            Row(
                status: 404, title: "No such resource", retriable: false,
                explanation: "The path is none that the gateway serves; /openapi.yaml lists them.")
        case .clientUnknown:
            Row(
                status: 404, title: "The client is unknown", retriable: true,
                explanation: "It has not registered, or nothing was heard of it for so long that it was forgotten.")
        case .roundUnknown:
            Row(
                status: 404, title: "The round is unknown", retriable: true,
                explanation: "No update of this round is on the log. A round exists once it has an update.")
        case .roundPending:
            Row(
                status: 404, title: "The round has no result yet", retriable: true,
                explanation:
                    "Ask again after Retry-After seconds, or add ?wait=30 to be answered when the result is there.")
        case .roundExpired:
            Row(
                status: 410, title: "The round's result has expired", retriable: false,
                explanation:
                    "The gateway keeps the results of so many rounds, or of so many bytes; the log may have it still.")
        case .preconditionFailed:
            Row(
                status: 412, title: "The result is another one", retriable: false,
                explanation: "If-Match names no ETag of this result.")
        case .rangeNotSatisfiable:
            Row(
                status: 416, title: "The range lies outside the result", retriable: false,
                explanation: "limit and Content-Range give its size in bytes.")
        case .methodNotAllowed:
            Row(
                status: 405, title: "The resource does not take this method", retriable: false,
                explanation: "The Allow header lists the methods that it takes.")
        case .notAcceptable:
            Row(
                status: 406, title: "The result cannot be had in this format", retriable: false,
                explanation: "The detail lists the formats that can be asked for with Accept or ?format=.")
        case .requestTimeout:
            Row(
                status: 408, title: "The request came too slowly", retriable: true,
                explanation: "Headers and bodies have to arrive within the configured times and above the minimum rate."
            )
        case .roundClosed:
            Row(
                status: 409, title: "The round is closed", retriable: false,
                explanation: "Its result is published; an update can no longer count. Go on with the next round.")
        case .clientConflict:
            Row(
                status: 409, title: "The message is another client's", retriable: false,
                explanation:
                    "A client_id in the body has to be that of the path (RFC 9110, section 9.3.4), or may be left out.")
        case .mismatchingOffset:
            Row(
                status: 409, title: "The part does not begin where the upload stands", retriable: true,
                explanation: "Upload-Offset of the answer says how many bytes are there; send the rest from there.")
        case .uploadComplete:
            Row(
                status: 409, title: "The upload is complete", retriable: false,
                explanation: "All its parts are there. An empty last part gets the receipt once it is stored.")
        case .uploadOvertaken:
            Row(
                status: 409, title: "Another request goes on with the upload", retriable: true,
                explanation: "Of several requests for one upload the last one appends. Ask for the offset and go on.")
        case .uploadUnknown:
            Row(
                status: 404, title: "There is no such upload", retriable: false,
                explanation: "It was never begun, was dropped or is too old. Begin again.")
        case .tooLarge:
            Row(
                status: 413, title: "The body is too large", retriable: false,
                explanation:
                    """
                    The limit in bytes is given: of the body, of what it expands to, or of the memory that it needs, as the detail \
                    says.
                    """
            )
        case .unsupportedFormat:
            Row(
                status: 415, title: "The format is not supported", retriable: false,
                explanation: "The detail lists the formats that can be uploaded.")
        case .unsupportedEncoding:
            Row(
                status: 415, title: "The content encoding is not supported", retriable: false,
                explanation: "gzip, zstd and lz4 are understood, up to four of them one around the other.")
        case .expectationFailed:
            Row(
                status: 417, title: "The expectation cannot be met", retriable: false,
                explanation: "100-continue is the only expectation that the gateway knows.")
        case .malformedWeights:
            Row(
                status: 422, title: "The weights are malformed", retriable: false,
                explanation:
                    """
                    offset is the byte of the decoded body at which the refused field begins; array and name say which array, limit \
                    what was passed.
                    """)
        case .schemaMismatch:
            Row(
                status: 422, title: "The arrays are not those of the round", retriable: false,
                explanation: "Names, shapes and dtypes have to be those of the round's first update.")
        case .digestMismatch:
            Row(
                status: 422, title: "The body is not what its digest says", retriable: true,
                explanation: "Content-Digest is of the body as it was sent. Nothing was stored; send the body again.")
        case .keyReused:
            Row(
                status: 422, title: "The idempotency key was used for something else", retriable: false,
                explanation:
                    """
                    A key belongs to one body and its metadata, within a round and client, or to one command. Take a fresh key for \
                    another.
                    """
            )
        case .internalError:
            Row(
                status: 500, title: "The gateway failed", retriable: true,
                explanation: "The gateway's log has the reason under the request's id.")
        case .logTopic:
            Row(
                status: 500, title: "The log's topic cannot be used", retriable: true,
                explanation: "The topic is missing or may not be written; an operator has to look at it.")
        case .busy:
            Row(
                status: 503, title: "The gateway has no room for the body now", retriable: true,
                explanation:
                    "Its memory budget, the log's queue or a disk is full. Ask again after Retry-After seconds.")
        case .stopping:
            Row(
                status: 503, title: "The gateway is shutting down", retriable: true,
                explanation: "Ask again after Retry-After seconds, or ask another gateway.")
        case .logUnreachable:
            Row(
                status: 503, title: "The log cannot be reached", retriable: true,
                explanation: "Nothing was stored. Ask again after Retry-After seconds.")
        case .unsupportedVersion:
            Row(
                status: 505, title: "The HTTP version is not supported", retriable: false,
                explanation: "HTTP/1.1 and HTTP/1.0 are understood.")
        case .outcomeUnknown:
            Row(
                status: 504, title: "The log did not answer in time", retriable: true,
                explanation: """
                    It may or may not be stored. Send it again: of updates only one a client counts, and a command counts once \
                    with the same Idempotency-Key.
                    """)
        }
    }
}

/// A failure with what is known of it.
struct Failure: Error, Sendable {
    var kind: FailureKind
    /// For a person: what was found, what is admitted, what to do.
    var detail: String
    /// Index of the array concerned.
    var array: Int?
    /// Its name, where it has one.
    var name: String?
    /// Byte of the decoded body at which the refused field begins.
    var offset: UInt64?
    /// The limit that was passed.
    var limit: UInt64?
    /// Extra header fields, such as Allow.
    var headers: [(String, String)] = []

    init(_ kind: FailureKind, _ detail: String, limit: UInt64? = nil) {
        self.kind = kind
        self.detail = detail
        self.limit = limit
    }
}
