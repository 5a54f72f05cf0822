internal import Glibc
internal import Threads

/// Where lines go: straight to a descriptor, or to a thread that writes them.
///
/// With a thread nobody waits for a slow terminal or a full pipe: what does not fit the queue is dropped and counted. It
/// lets lines gather for some milliseconds, since waking it for each costs more than all else about a line.
///
/// Thread: any.
public final class LogOutput: Sendable {
    private struct State {
        var lines: [UInt8] = []
        var missing: UInt64 = 0
        var isClosing = false
        var isClosed = false
    }

    /// For how long lines gather.
    private static let gathering = Duration.milliseconds(10)

    /// Lines that were dropped since the start.
    public let dropped = Counter()
    private let descriptor: Int32
    private let limit: Int
    private let state = Monitor(State())
    private let isQueued: Bool

    /// Writes every line before it goes on.
    ///
    /// - Parameter descriptor: where lines go; not closed.
    public init(direct descriptor: Int32) {
        self.descriptor = descriptor
        limit = 0
        isQueued = false
    }

    /// Queues lines for a thread that writes them; nil when the system gives no thread.
    ///
    /// - Parameters:
    ///   - descriptor: where lines go; not closed.
    ///   - limit: bytes that may wait.
    public init?(queued descriptor: Int32, limit: Int = 1 << 20) {
        self.descriptor = descriptor
        self.limit = limit
        isQueued = true
        guard DedicatedThread(name: "log", { [self] in run() }) != nil else { return nil }
    }

    func write(_ line: [UInt8]) {
        let mustWrite = isQueued ? !offer(line) : true
        if mustWrite { Self.put(line, to: descriptor) }
    }

    /// Writes what waits, within a time; lines that come afterwards are written straight.
    ///
    /// Blocks. A second call does no harm.
    ///
    /// - Parameter time: who reads the lines may have stopped to do so.
    public func close(within time: Duration = .seconds(2)) {
        guard isQueued else { return }
        state.change { $0.isClosing = true }
        _ = state.wait(within: time) { $0.isClosed ? true : nil }
    }

    /// False when the queue is closed.
    private func offer(_ line: [UInt8]) -> Bool {
        // Only who finds the queue empty, or brings it to where it should not gather on, wakes the thread.
        let verdict = state.changeQuietly { state -> (isOpen: Bool, wakes: Bool) in
            guard !state.isClosing else { return (false, false) }
            guard state.lines.count + line.count <= limit else {
                state.missing += 1
                dropped.add()
                return (true, false)
            }
            let old = state.lines.count
            state.lines.append(contentsOf: line)
            return (true, old == 0 || old < limit / 4 && state.lines.count >= limit / 4)
        }
        if verdict.wakes { state.change { _ in } }
        return verdict.isOpen
    }

    private func run() {
        var lines: [UInt8] = []
        while true {
            state.wait { !$0.lines.isEmpty || $0.missing > 0 || $0.isClosing ? () : nil }
            _ = state.wait(within: Self.gathering) { $0.lines.count >= limit / 4 || $0.isClosing ? () : nil }
            let (missing, isLast) = state.changeQuietly { state in
                defer { state.missing = 0 }
                swap(&lines, &state.lines)
                return (state.missing, state.isClosing)
            }
            Self.put(lines, to: descriptor)
            lines.removeAll(keepingCapacity: true)
            if missing > 0 {
                Logger(descriptor: descriptor).warning(
                    "log lines were dropped: they came faster than they can be written", [("lines", String(missing))])
            }
            if isLast { return state.change { $0.isClosed = true } }
        }
    }

    private static func put(_ bytes: [UInt8], to descriptor: Int32) {
        bytes.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if count < 0 {
                    if errno == EINTR { continue }
                    // Nobody reads any more, or the disk is full: there is nowhere to say it.
                    return
                }
                rest = rest.dropFirst(count)
            }
        }
    }
}
