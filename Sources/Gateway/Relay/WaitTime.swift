internal import MicroHTTP
internal import Synchronization
internal import Threads

/// How long a request is ready to wait: `?wait=`, or `Prefer: wait=` (RFC 7240).
struct WaitTime: Sendable {
    /// At most 60.
    let seconds: Int64
    /// Whether it was asked for by `Prefer`, which is then confirmed.
    let isPreference: Bool

    init(_ request: borrowing Request, _ query: Query) throws(Failure) {
        let asked = try query.integer("wait", in: 0...WholeNumber.largest)
        let preferred = request.header("Prefer").flatMap(ResultRequest.preferredWait)
        seconds = min(asked ?? preferred ?? 0, 60)
        isPreference = asked == nil && preferred != nil
    }
}

/// The exchange of a request that waits, and the timer that ends the wait.
///
/// Thread: any.
final class Turn: Sendable {
    private let state = Mutex<(exchange: Exchange?, timer: Threads.Timer?)>((nil, nil))

    /// Nil before and after the wait.
    var exchange: Exchange? { state.withLock { $0.exchange } }

    func begin(_ exchange: Exchange, _ timer: Threads.Timer?) { state.withLock { $0 = (exchange, timer) } }

    func end() {
        let timer = state.withLock { state in
            defer { state = (nil, nil) }
            return state.timer
        }
        timer?.cancel()
    }
}
