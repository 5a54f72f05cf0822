internal import Synchronization

/// Who waits for news: suspended connections that are woken by it, and now and then to show that they are alive.
///
/// Thread: any.
final class Listeners: Sendable {
    private struct State {
        var waiters: [ObjectIdentifier: any Waiter] = [:]
        var beats = 0
    }

    private let state = Mutex(State())

    var count: Int { state.withLock { $0.waiters.count } }
    /// How often all were to show that they are alive.
    var beats: Int { state.withLock { $0.beats } }

    func add(_ waiter: any Waiter) { state.withLock { $0.waiters[ObjectIdentifier(waiter)] = waiter } }

    func remove(_ waiter: any Waiter) { state.withLock { $0.waiters[ObjectIdentifier(waiter)] = nil } }

    /// Something has come.
    func wake() {
        // Outside the lock, since they may take themselves out.
        for waiter in state.withLock({ Array($0.waiters.values) }) { waiter.resume() }
    }

    /// It is time to show that the connection is alive.
    func beat() {
        state.withLock { $0.beats += 1 }
        wake()
    }
}
