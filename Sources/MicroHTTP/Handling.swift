/// Decides about requests; what a program that serves HTTP implements.
///
/// Thread: any of the server's workers, and its timer; nothing here may block.
public protocol RequestRouter: AnyObject, Sendable {
    /// Decides what becomes of a request, when its headers are complete and nothing of its body was read.
    ///
    /// - Parameters:
    ///   - request: valid during the call only.
    ///   - exchange: may be kept.
    func accept(_ request: borrowing Request, _ exchange: Exchange) -> Acceptance

    /// The headers and body of an answer that the server gives on its own.
    ///
    /// - Parameters:
    ///   - refusal: its status is what is sent, whatever the response says; the connection closes.
    ///   - exchange: may not have come as far as `accept`.
    func response(to refusal: Refusal, _ exchange: Exchange) -> Response

    /// Called exactly once for each exchange when it is over, after its handler's `ended`.
    ///
    /// Also for those that never came as far as `accept`.
    ///
    /// - Parameters:
    ///   - exchange: for its method, target, status and sizes.
    ///   - outcome: how it ended.
    func completed(_ exchange: Exchange, _ outcome: Outcome)
}

/// What a router decided.
public enum Acceptance: Sendable {
    /// Answers without looking at the body. A client that asked `Expect: 100-continue` is told before it sends it.
    case reply(Response)
    /// Takes the body, and the decision about the answer, to a handler.
    case handle(any ExchangeHandler)
}

/// Takes the body of one request and answers it.
///
/// Thread: `body` and `end` come from one worker, one call at a time; none may block.
public protocol ExchangeHandler: AnyObject, Sendable {
    /// Takes a piece of the body.
    ///
    /// - Parameters:
    ///   - piece: never empty, valid during the call.
    ///   - exchange: the one that this handler was given to.
    func body(_ piece: UnsafeRawBufferPointer, _ exchange: Exchange) -> BodyVerdict

    /// The whole body was seen, or there is none.
    ///
    /// - Parameter exchange: the one that this handler was given to.
    func end(_ exchange: Exchange) -> EndVerdict

    /// Called exactly once, however the exchange ended; nothing is called after it.
    ///
    /// - Parameters:
    ///   - exchange: the one that this handler was given to.
    ///   - outcome: how it ended.
    func ended(_ exchange: Exchange, _ outcome: Outcome)
}

/// What a handler did with a piece of a body.
public enum BodyVerdict: Sendable {
    /// All of it was taken.
    case consumed
    /// Nothing was taken. The piece, perhaps longer, comes again after `Exchange.resume()`.
    case wait
    /// The request fails; nothing more of the body is of interest.
    case reject(Response)
}

/// What a handler has to say once the body is complete.
public enum EndVerdict: Sendable {
    /// The answer.
    case reply(Response)
    /// The answer comes through `Exchange.reply(_:)`, or came already.
    case later
}

/// How an exchange ended.
public enum Outcome: Sendable, Equatable {
    /// An answer with this status went out whole.
    case answered(status: Int)
    /// The client went away, or broke the framing, before that.
    case aborted
    /// Too slow, or longer than allowed.
    case timedOut
    /// The request was not HTTP, and refused before a router saw it.
    case malformed
    /// The server stopped before the answer was out.
    case stopped
}

/// Why the server answers on its own.
public enum Refusal: Sendable, Equatable {
    /// The request line, the headers or the chunks are not such that one can tell where the request ends.
    case malformed(String)
    /// An `Expect` that is not `100-continue`.
    case expectation
    /// Neither HTTP/1.0 nor HTTP/1.1.
    case version
    /// The client sends its request too slowly.
    case slow
    /// No answer within the time that a request may take.
    case deadline
    /// The server is stopping.
    case stopping

    /// The status that goes with it.
    public var status: Int {
        switch self {
        case .malformed: 400
        case .expectation: 417
        case .version: 505
        case .slow: 408
        case .deadline: 504
        case .stopping: 503
        }
    }

    /// For people.
    public var detail: String {
        switch self {
        case .malformed(let reason): reason
        case .expectation: "the only expectation understood is 100-continue"
        case .version: "HTTP/1.1 and HTTP/1.0 are understood"
        case .slow: "the request came too slowly"
        case .deadline: "there was no answer in time; the outcome is unknown"
        case .stopping: "the server is stopping; try again"
        }
    }
}
