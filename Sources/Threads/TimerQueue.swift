internal import Synchronization

/// Something that will be done at its time unless it is cancelled.
///
/// Thread: any.
public final class Timer: Sendable {
    private let body: Mutex<(@Sendable () -> Void)?>

    init(_ body: @escaping @Sendable () -> Void) { self.body = Mutex(body) }

    /// Makes sure that it does not begin any more; it may be under way.
    public func cancel() { body.withLock { $0 = nil } }

    func fire() { body.withLock { $0.take() }?() }
}

/// Does things at their time, on one thread for all of them.
///
/// Thread: any.
public final class TimerQueue: Sendable {
    private struct Entry {
        let due: ContinuousClock.Instant
        let timer: Timer
    }

    private struct State {
        /// A binary heap: no entry is due before its parent.
        var heap: [Entry] = []
        var isStopping = false
    }

    private let state = Monitor(State())
    private let thread = Mutex<DedicatedThread?>(nil)

    /// A queue with its thread; nil when the system gives none.
    ///
    /// - Parameter name: of the thread.
    public init?(name: String) {
        guard let started = DedicatedThread(name: name, { [state] in Self.run(state) }) else { return nil }
        thread.withLock { $0 = started }
    }

    /// Does something later.
    ///
    /// - Parameters:
    ///   - delay: from now.
    ///   - body: on the queue's thread, which it must not block.
    public func schedule(after delay: Duration, _ body: @escaping @Sendable () -> Void) -> Timer {
        let timer = Timer(body)
        state.change { Self.push(Entry(due: .now + delay, timer: timer), to: &$0.heap) }
        return timer
    }

    /// Ends the thread; what is not due yet is not done.
    ///
    /// Blocks.
    public func stop() {
        state.change { $0.isStopping = true }
        thread.withLock { $0.take() }?.join()
    }

    private static func run(_ state: Monitor<State>) {
        while true {
            let next = state.look { $0.isStopping ? nil : ($0.heap.first?.due ?? .now + .seconds(3600)) }
            guard let next else { return }
            let due: [Timer]? = state.wait(within: max(.zero, next - .now)) { state in
                if state.isStopping { return [] }
                let now = ContinuousClock.now
                var due: [Timer] = []
                while let first = state.heap.first, first.due <= now { due.append(pop(&state.heap, first)) }
                // An entry that came meanwhile may be due earlier than the one that is waited for.
                return due.isEmpty && (state.heap.first?.due ?? next) >= next ? nil : due
            }
            for timer in due ?? [] { timer.fire() }
        }
    }

    private static func push(_ entry: Entry, to heap: inout [Entry]) {
        heap.append(entry)
        var child = heap.count - 1
        while child > 0, heap[child].due < heap[(child - 1) / 2].due {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    private static func pop(_ heap: inout [Entry], _ first: Entry) -> Timer {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child].due < heap[least].due
            {
                least = child
            }
            if least == parent { return first.timer }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
