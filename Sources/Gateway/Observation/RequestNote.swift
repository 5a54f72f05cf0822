internal import Credentials
internal import MicroHTTP
internal import Synchronization
internal import Telemetry

/// What the gateway remembers of a request from its headers to its access line.
final class RequestNote: Sendable {
    /// The client's own, where it is well formed, or one that no other request has.
    let id: String
    /// Where the request stands in a trace.
    let trace: TraceContext?
    /// Whether it counts among the requests in flight.
    let isInFlight: Bool

    private struct Admission {
        let caller: Caller
        /// Of the body, as announced.
        let bytes: UInt64
    }

    private let admission = Mutex<Admission?>(nil)

    init(id: String, trace: TraceContext?, isInFlight: Bool) {
        self.id = id
        self.isInFlight = isInFlight
        self.trace = trace
    }

    /// Whose quota was charged with how many bytes, once it was.
    var charged: (account: String, bytes: UInt64)? { admission.withLock { $0.map { ($0.caller.account, $0.bytes) } } }
    /// The token's id, where there was one.
    var tokenID: String? { admission.withLock { $0?.caller.grant?.id } }

    /// The door let it in.
    func admitted(_ caller: Caller, announced bytes: UInt64) {
        admission.withLock { $0 = Admission(caller: caller, bytes: bytes) }
    }

    /// Reads what the client says, and makes the answer bear the id.
    static func take(_ request: borrowing Request, _ exchange: Exchange) -> RequestNote {
        let note = RequestNote(
            id: RequestID.wellFormed(request.header("X-Request-Id")) ?? RequestID.make(exchange.id),
            trace: TraceContext(
                traceparent: request.header("traceparent"), tracestate: request.header("tracestate")),
            isInFlight: true)
        attach(note, to: exchange)
        return note
    }

    /// The note of an exchange, made where it never came as far as a route.
    static func of(_ exchange: Exchange) -> RequestNote {
        if let note = exchange.note as? RequestNote { return note }
        let note = RequestNote(id: RequestID.make(exchange.id), trace: nil, isInFlight: false)
        attach(note, to: exchange)
        return note
    }

    private static func attach(_ note: RequestNote, to exchange: Exchange) {
        exchange.note = note
        exchange.addHeaders([("X-Request-Id", note.id), ("X-Content-Type-Options", "nosniff")])
    }
}

/// Names of requests, in answers, problems and log lines.
enum RequestID {
    /// Of this process, so that two replicas' lines are told apart.
    private static let process = UInt64.random(in: 0..<1 << 32)

    /// Eight digits of the process, a dash, and six or more of the number.
    static func make(_ number: UInt64) -> String {
        let count = max(6, (67 - number.leadingZeroBitCount) / 4)
        return String(unsafeUninitializedCapacity: 9 + count) { text in
            for index in 0..<8 { text[index] = digit(index, of: process, 8) }
            text[8] = UInt8(ascii: "-")
            for index in 0..<count { text[9 + index] = digit(index, of: number, count) }
            return 9 + count
        }
    }

    /// One of `count` hexadecimal digits, the first of which is number nought.
    private static func digit(_ index: Int, of number: UInt64, _ count: Int) -> UInt8 {
        let value = UInt8(number >> UInt64(4 * (count - 1 - index)) & 15)
        return value < 10 ? 0x30 + value : 0x57 + value
    }

    /// What a client may choose: up to 64 letters, digits and `.`, `_`, `-`, so that it fits any log and any header.
    static func wellFormed(_ text: String?) -> String? {
        guard let text, 1...64 ~= text.utf8.count else { return nil }
        let isPlain = text.utf8.allSatisfy {
            48...57 ~= $0 || 65...90 ~= $0 || 97...122 ~= $0 || [0x2d, 0x2e, 0x5f].contains($0)
        }
        return isPlain ? text : nil
    }
}

/// What an answer says of itself to the access line.
final class AnswerNote: Sendable {
    enum Kind: Sendable {
        case stored(Receipt, isRepeat: Bool)
        case problem(FailureKind)
    }

    let kind: Kind

    init(_ kind: Kind) { self.kind = kind }
}
