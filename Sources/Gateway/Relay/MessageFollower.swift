internal import Envelopes
internal import EventLog
internal import Synchronization
internal import Telemetry
internal import Threads

/// Reads a topic of small messages from its start and goes on with what comes.
///
/// Every gateway does, so that each knows what all of them know. What cannot be read is counted and passed over: dead letters
/// have one writer, the aggregator, which does not read these topics.
///
/// Thread: its own; the rest any.
final class MessageFollower: Sendable {
    /// What is done with what is read; called on the follower's thread.
    struct Sink: Sendable {
        let take: @Sendable (SmallMessage) -> Void
        /// After some records: the next offsets.
        let advance: @Sendable ([Int32: Int64]) -> Void
        /// The log is another one than before.
        let forget: @Sendable () -> Void
    }

    private struct Wait {
        /// Nil waits until everything is read that was there at the start.
        let position: Position?
        let timer: Threads.Timer
        let body: @Sendable (Bool) -> Void
    }

    private struct State {
        var positions: [Int32: Int64] = [:]
        var identity: String?
        var isCaughtUp = false
        var waits: [UInt64: Wait] = [:]
        var nextWait: UInt64 = 0
    }

    private let log: any EventLog
    private let topic: String
    private let sink: Sink
    private let unreadable: Counter
    private let timers: TimerQueue
    private let logger: Logger
    private let state = Mutex(State())
    private let stopping = Monitor(false)
    private let thread = Mutex<DedicatedThread?>(nil)

    init(
        _ log: any EventLog, _ topic: String, _ sink: Sink, _ unreadable: Counter, _ timers: TimerQueue,
        _ logger: Logger
    ) {
        self.log = log
        self.topic = topic
        self.sink = sink
        self.unreadable = unreadable
        self.timers = timers
        self.logger = logger
    }

    /// Whether everything was read that the log had when this began.
    var isCaughtUp: Bool { state.withLock { $0.isCaughtUp } }

    func start() -> Bool {
        let started = DedicatedThread(name: "messages") { [self] in run() }
        thread.withLock { $0 = started }
        return started != nil
    }

    /// Ends soon; does not wait for it.
    func beginStopping() { stopping.change { $0 = true } }

    func stop() {
        beginStopping()
        thread.withLock { $0.take() }?.join()
    }

    /// Calls `body` once a record was read, or when the time is over.
    ///
    /// - Parameters:
    ///   - position: of the record; nil means all that was there at the start.
    ///   - patience: how long to wait.
    ///   - body: told whether it was read; on any thread, must not block.
    func whenRead(_ position: Position?, within patience: Duration, _ body: @escaping @Sendable (Bool) -> Void) {
        let isRead = state.withLock { state in
            guard !Self.isRead(position, state) else { return true }
            state.nextWait += 1
            let name = state.nextWait
            let timer = timers.schedule(after: patience) { [self] in
                take(wait: name)?.body(false)
            }
            state.waits[name] = Wait(position: position, timer: timer, body: body)
            return false
        }
        if isRead { body(true) }
    }

    private func take(wait name: UInt64) -> Wait? { state.withLock { $0.waits.removeValue(forKey: name) } }

    private static func isRead(_ position: Position?, _ state: State) -> Bool {
        guard let position else { return state.isCaughtUp }
        return (state.positions[position.partition] ?? 0) > position.offset
    }

    // MARK: the follower's thread

    private func run() {
        while !isStopping {
            do {
                try follow()
            } catch {
                guard !isStopping else { return }
                logger.error(
                    "messages cannot be followed; trying again",
                    [("topic", topic), ("reason", String(describing: error))])
                _ = stopping.wait(within: .seconds(1)) { $0 ? true : nil }
            }
        }
    }

    private var isStopping: Bool { stopping.look { $0 } }

    private func follow() throws {
        let reader = MessageReader(
            limits: .init(maxStored: SmallMessage.mostBytesRead, maxDecoded: SmallMessage.mostBytesRead))
        let tail = try log.tail(topic, from: try start())
        defer { tail.close() }
        let ends = try log.ends(of: topic)
        while !isStopping {
            _ = try tail.read(within: .milliseconds(500)) { [self] in take($0, reader) }
            passed(tail.positions, ends)
        }
    }

    /// Where to go on; all is forgotten when the log is not the one of before, or has lost what was read.
    private func start() throws -> [Int32: Int64] {
        let identity = try log.identity
        let ends = try log.ends(of: topic)
        let (known, next) = state.withLock { ($0.identity, $0.positions) }
        let isAhead = next.contains { partition, offset in offset > (ends[partition]?.upperBound ?? 0) }
        state.withLock { $0.identity = identity }
        guard known != nil, known != identity || isAhead else { return next }
        logger.warning("the log is another one than before; messages are read anew", [("topic", topic)])
        state.withLock { $0.positions = [:] }
        sink.forget()
        return [:]
    }

    private func passed(_ positions: [Int32: Int64], _ ends: [Int32: Range<Int64>]) {
        let isNew = state.withLock { $0.positions != positions || !$0.isCaughtUp }
        guard isNew else { return }
        let isThere = ends.allSatisfy { partition, range in
            range.isEmpty || positions[partition, default: range.lowerBound] >= range.upperBound
        }
        let waits = state.withLock { state in
            state.positions = positions
            state.isCaughtUp = state.isCaughtUp || isThere
            let done = state.waits.filter { Self.isRead($0.value.position, state) }
            for name in done.keys { state.waits[name] = nil }
            return done.values
        }
        sink.advance(positions)
        for wait in waits {
            wait.timer.cancel()
            wait.body(true)
        }
    }

    private func take(_ record: borrowing StoredRecord, _ reader: MessageReader) {
        let position = record.position
        let reason: String
        do {
            guard record.value.count <= 2 * SmallMessage.mostBytesRead else {
                throw EnvelopeFailure("record", "\(record.value.count) bytes are too many for a small message")
            }
            return sink.take(try reader.read(record) { try SmallMessage($0, at: position) })
        } catch {
            reason = String(describing: error)
        }
        unreadable.add()
        logger.warning(
            "a message cannot be read; it is passed over",
            [
                ("topic", topic), ("partition", String(position.partition)), ("offset", String(position.offset)),
                ("reason", reason),
            ])
    }
}
