internal import Synchronization

/// One thread that calls what is due.
///
/// Thread: any.
public final class TimerQueue: Sendable {
    private let core = TimerCore()
    private let thread: DedicatedThread

    /// Starts the thread.
    ///
    /// - Parameter name: at most 15 bytes, shown by `top -H`.
    public init?(name: String) {
        let core = core
        guard let thread = DedicatedThread(name: name, { core.run() }) else { return nil }
        self.thread = thread
    }

    deinit { core.stop() }

    /// Calls something once, later.
    ///
    /// - Parameters:
    ///   - delay: at least this long from now.
    ///   - body: called on the queue's thread, which it must not block. Never called after `stop`.
    public func schedule(after delay: Duration, _ body: @escaping @Sendable () -> Void) -> Timer {
        core.add(after: delay, body)
    }

    /// Ends the thread and forgets what was not due yet.
    ///
    /// Waits for a body that is running. Not from a body; a second call does nothing.
    public func stop() {
        core.stop()
        thread.join()
    }
}

/// Something that a `TimerQueue` is going to call.
public final class Timer: Sendable {
    /// Closures that are stored bare in a generic type are wrapped once more by every access.
    struct Body {
        let call: @Sendable () -> Void
    }

    private let body: Mutex<Body?>

    init(_ body: @escaping @Sendable () -> Void) { self.body = Mutex(Body(call: body)) }

    /// Prevents the call, unless it has begun.
    ///
    /// What the body holds is released at once.
    public func cancel() { _ = take() }

    func take() -> Body? {
        body.withLock { body in
            defer { body = nil }
            return body
        }
    }

    var isCancelled: Bool { body.withLock { $0 == nil } }
}

/// What the thread shares with those who schedule; it keeps no `TimerQueue` alive.
private final class TimerCore: Sendable {
    private struct Entry {
        let due: ContinuousClock.Instant
        let timer: Timer
    }

    private struct State {
        var heap: [Entry] = []
        var stopped = false
        var sweepAt = 1024
    }

    private let state = Mutex(State())
    /// Counts the reasons to look at the heap again.
    ///
    /// Only an earlier deadline than all others is one, so that scheduling rarely wakes the thread.
    private let wakes = Monitor(0)

    func add(after delay: Duration, _ body: @escaping @Sendable () -> Void) -> Timer {
        let timer = Timer(body)
        let entry = Entry(due: .now.advanced(by: delay), timer: timer)
        let isFirst = state.withLock { state in
            guard !state.stopped else { return false }
            if state.heap.count >= state.sweepAt {
                state.heap = state.heap.filter { !$0.timer.isCancelled }.sorted { $0.due < $1.due }
                state.sweepAt = max(1024, 2 * state.heap.count)
            }
            return Self.insert(entry, &state.heap) == 0
        }
        if isFirst { wakes.change { $0 += 1 } }
        return timer
    }

    func stop() {
        state.withLock { state in
            state.stopped = true
            state.heap = []
        }
        wakes.change { $0 += 1 }
    }

    func run() {
        var seen = 0
        while true {
            let (stopped, due, remaining) = state.withLock { state -> (Bool, Timer?, Duration?) in
                guard !state.stopped, let first = state.heap.first else { return (state.stopped, nil, nil) }
                let remaining = ContinuousClock.Instant.now.duration(to: first.due)
                guard remaining <= .zero else { return (false, nil, min(remaining, .seconds(3600))) }
                return (false, Self.removeFirst(&state.heap).timer, nil)
            }
            if stopped { return }
            if let due {
                due.take()?.call()
                continue
            }
            let last = seen
            seen = wakes.wait(within: remaining) { $0 == last ? nil : $0 } ?? last
        }
    }

    private static func insert(_ entry: Entry, _ heap: inout [Entry]) -> Int {
        heap.append(entry)
        var child = heap.count - 1
        while child > 0, heap[child].due < heap[(child - 1) / 2].due {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
        return child
    }

    private static func removeFirst(_ heap: inout [Entry]) -> Entry {
        heap.swapAt(0, heap.count - 1)
        let first = heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in (2 * parent + 1)...(2 * parent + 2)
            where child < heap.count && heap[child].due < heap[least].due { least = child }
            guard least != parent else { return first }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
