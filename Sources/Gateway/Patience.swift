internal import Synchronization
internal import Threads

/// How long an exchange waits for memory before it is sent away.
///
/// Thread: the exchange's worker, or the thread of a replay; the timer only sets a flag and resumes.
final class Patience: Sendable {
    private struct State {
        var timer: Threads.Timer?
        var turn = 0
        var isOver = false
    }

    private let state = Mutex(State())

    /// Whether the wait that was begun last took too long.
    var isOver: Bool { state.withLock { $0.isOver } }

    /// Begins a wait, unless one is going on.
    ///
    /// - Returns: whether this began one.
    func begin(_ timers: TimerQueue, for duration: Duration, _ waiter: any Waiter) -> Bool {
        state.withLock { state in
            guard state.timer == nil else { return false }
            state.turn += 1
            let turn = state.turn
            state.timer = timers.schedule(after: duration) { [weak self] in self?.runOut(turn, waiter) }
            return true
        }
    }

    /// Ends the wait.
    func end() {
        let timer = state.withLock { state in
            state.isOver = false
            return state.timer.take()
        }
        timer?.cancel()
    }

    private func runOut(_ turn: Int, _ waiter: any Waiter) {
        let isNow = state.withLock { state in
            guard state.timer != nil, state.turn == turn else { return false }
            state.isOver = true
            return true
        }
        if isNow { waiter.resume() }
    }
}
