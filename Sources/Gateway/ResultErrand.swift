internal import MicroHTTP
internal import Synchronization

/// A request for a result as its head has it, and the 304 that it was answered with.
///
/// That answer follows from the head and the results that there are. So it is good for requests with the same head until
/// any of these changes.
///
/// Thread: any.
final class ResultErrand: Sendable {
    private final class Known: Sendable {
        let changes: Int
        let answer: Response

        init(_ changes: Int, _ answer: Response) {
            self.changes = changes
            self.answer = answer
        }
    }

    let request: ResultRequest
    private let known = Mutex<Known?>(nil)

    private init(_ request: ResultRequest) { self.request = request }

    /// The errand of a request; `round` is nil for the latest.
    static func of(_ request: borrowing Request, round: String?, _ call: Call) throws(Failure) -> ResultErrand {
        if let known = call.errand.memo as? ResultErrand { return known }
        let errand = ResultErrand(try ResultRequest(request, round: round, call.core))
        call.errand.memo = errand
        return errand
    }

    /// The 304 that was given last, if nothing has changed since.
    ///
    /// - Parameter changes: of the store, now.
    func unchanged(_ changes: Int) -> Response? {
        guard let known = known.withLock({ $0 }), known.changes == changes else { return nil }
        return known.answer
    }

    /// Remembers a 304.
    ///
    /// - Parameter changes: of the store, before it was asked for what the answer says.
    func keep(_ answer: Response, asOf changes: Int) { known.withLock { $0 = Known(changes, answer) } }
}
