internal import Synchronization

/// What waits for something and would rather be told at once when the gateway stops: long polls, event streams.
///
/// Thread: any.
final class StopHooks: Sendable {
    private struct State {
        var next: UInt64 = 0
        var hooks: [UInt64: @Sendable () -> Void] = [:]
        var isStopping = false
    }

    private let state = Mutex(State())

    /// Has a body called when the gateway begins to stop; at once when it has begun.
    ///
    /// - Parameter body: must not block.
    /// - Returns: for `remove`.
    func add(_ body: @escaping @Sendable () -> Void) -> UInt64 {
        let (id, isStopping) = state.withLock { state in
            state.next += 1
            if !state.isStopping { state.hooks[state.next] = body }
            return (state.next, state.isStopping)
        }
        if isStopping { body() }
        return id
    }

    func remove(_ id: UInt64) { state.withLock { _ = $0.hooks.removeValue(forKey: id) } }

    func stop() {
        let hooks = state.withLock { state in
            defer { state.hooks = [:] }
            state.isStopping = true
            return state.hooks
        }
        for hook in hooks.values { hook() }
    }
}
