internal import EventLog
internal import Synchronization

/// The chunks of one upload between the log's taking and its acknowledging them.
///
/// It bounds how many there are, so that one large upload holds a few chunks of memory and no more.
///
/// Thread: any.
final class ChunkFlight: Sendable {
    private struct State {
        var flying = 0
        var failure: LogFailure?
        var waiting: (any Waiter)?
        var onLanding: (@Sendable (LogFailure?) -> Void)?
    }

    private let most: Int
    private let state = Mutex(State())

    /// - Parameter most: chunks on their way at one time.
    init(most: Int) { self.most = most }

    /// Why a chunk was not stored.
    var failure: LogFailure? { state.withLock { $0.failure } }

    /// Whether another chunk may take off; if not, the exchange is resumed when one may.
    func hasRoom(for waiter: any Waiter) -> Bool {
        state.withLock { state in
            guard state.flying >= most, state.failure == nil else { return true }
            state.waiting = waiter
            return false
        }
    }

    func tookOff() { state.withLock { $0.flying += 1 } }

    /// Thread: the log's.
    func landed(_ failure: LogFailure?) {
        let (waiting, onLanding, failed) = state.withLock { state in
            state.flying -= 1
            if state.failure == nil { state.failure = failure }
            defer { state.waiting = nil }
            let last = state.flying == 0 ? state.onLanding.take() : nil
            return (state.waiting, last, state.failure)
        }
        waiting?.resume()
        onLanding?(failed)
    }

    /// Calls back once, when no chunk is on its way any more: no other may take off after this.
    func whenAllLanded(_ body: @escaping @Sendable (LogFailure?) -> Void) {
        let (isNow, failed) = state.withLock { state in
            if state.flying > 0 { state.onLanding = body }
            return (state.flying == 0, state.failure)
        }
        if isNow { body(failed) }
    }
}
