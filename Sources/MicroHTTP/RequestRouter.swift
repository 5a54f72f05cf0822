/// Who says what is done with requests.
///
/// Thread: any of the server's; its functions must not block.
public protocol RequestRouter: AnyObject, Sendable {
    /// Decides once a request's headers are complete, before its body is asked for.
    ///
    /// - Parameters:
    ///   - request: the target and the headers.
    ///   - exchange: the request's course; it may be kept.
    func accept(_ request: consuming Request, _ exchange: Exchange) -> Acceptance

    /// The answer to what the server refuses by itself.
    ///
    /// - Parameter refusal: the status and the reason.
    func response(to refusal: Refusal) -> Response

    /// Hears of the end of each exchange that was accepted or refused, once.
    ///
    /// - Parameters:
    ///   - exchange: that is over.
    ///   - outcome: how it ended.
    func completed(_ exchange: Exchange, _ outcome: Outcome)
}

/// What is done with a request.
public enum Acceptance {
    /// It is answered at once; its body, if it has one, is not wanted.
    case reply(Response)
    /// Its body is read and its answer made.
    case handle(any ExchangeHandler)
}

/// Reads one request's body and makes its answer.
///
/// Thread: one of the server's at a time; its functions must not block.
public protocol ExchangeHandler: AnyObject, Sendable {
    /// The next piece of the body.
    ///
    /// - Parameters:
    ///   - piece: valid during the call.
    ///   - exchange: the request's course.
    func body(_ piece: UnsafeRawBufferPointer, _ exchange: Exchange) -> BodyVerdict

    /// The whole body was read; also when there was none.
    ///
    /// - Parameter exchange: the request's course.
    func end(_ exchange: Exchange) -> EndVerdict

    /// The exchange is over, however it ended; called once.
    ///
    /// - Parameters:
    ///   - exchange: the request's course.
    ///   - outcome: how it ended.
    func ended(_ exchange: Exchange, _ outcome: Outcome)
}

/// What was done with a piece of a body.
public enum BodyVerdict {
    /// All of it was taken.
    case consumed
    /// None of it was taken; it comes again after `Exchange.resume`. Until then nothing is read from the client.
    case wait
    /// The body is wrong; the rest is not wanted.
    case reject(Response)
}

/// What follows the end of a body.
public enum EndVerdict {
    /// This answer.
    case reply(Response)
    /// An answer by `Exchange.reply`, from any thread.
    case later
}

/// How an exchange ended.
public enum Outcome: Sendable, Hashable {
    /// With an answer of this status, sent whole.
    case answered(status: Int)
    /// The client went away, or an answer could not be sent whole.
    case aborted
}

/// What the server refuses by itself.
public struct Refusal: Sendable, Hashable {
    /// HTTP's status code.
    public let status: Int
    /// For a person.
    public let reason: String
}
