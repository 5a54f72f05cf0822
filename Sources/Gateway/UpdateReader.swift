internal import Envelopes
internal import EventLog
internal import Synchronization
internal import Telemetry
internal import Threads

/// Knows which updates are on the log, reading them when somebody has to know.
///
/// A gateway that read all updates back as they come would do its work twice. So its own ones are noted when the log has
/// acknowledged them, and as long as their offsets follow one another there is nothing to be read. Others are read
/// when a gap shows that there are any, or when a question demands it; each once, beginning where the last result says
/// that open rounds begin.
///
/// Thread: its own, started by the first question; the rest any.
final class UpdateReader: Sendable {
    typealias Answer = @Sendable (Result<Void, LogFailure>) -> Void

    private struct State {
        var questions: [Answer] = []
        var isStopping = false
        var thread: DedicatedThread?
    }

    /// After this time without a question nothing is read any more.
    private static let idleTime = Duration.seconds(3)

    private let log: any EventLog
    private let store: ResultStore
    private let limits: MessageReader.Limits
    private let logger: Logger
    private let state = Monitor(State())
    private let index = Mutex(UpdateIndex())

    init(_ log: any EventLog, _ store: ResultStore, _ limits: MessageReader.Limits, _ logger: Logger) {
        self.log = log
        self.store = store
        self.limits = limits
        self.logger = logger
    }

    /// The rounds that have no result, as far as the log was read.
    var openRounds: [Int64: UpdateIndex.Round] {
        index.withLock { $0.rounds }.filter { store[$0.key] == nil }
    }

    /// A client's updates of a round, as far as the log was read.
    func updates(of client: String, round: Int64) -> UpdateIndex.Client? {
        index.withLock { $0.rounds[round]?.clients[client] }
    }

    /// Notes an update that this gateway has appended.
    ///
    /// Thread: the log's; does not block.
    func appended(_ update: StoredUpdate) -> UpdateIndex.Verdict { index.withLock { $0.appended(update) } }

    /// Notes a chunk that this gateway has appended.
    ///
    /// Thread: the log's; does not block.
    func passed(_ position: Position) { index.withLock { $0.passed(position) } }

    /// What an update is, once it was read.
    func verdict(on update: StoredUpdate) -> UpdateIndex.Verdict { index.withLock { $0.verdict(on: update) } }

    /// Answers once everything was read that is on the log now, on the reader's thread.
    func catchUp(_ answer: @escaping Answer) {
        let accepted = state.change { state in
            guard !state.isStopping else { return false }
            if state.thread == nil { state.thread = DedicatedThread(name: "updates") { [self] in run() } }
            state.questions.append(answer)
            return state.thread != nil
        }
        if !accepted { answer(.failure(LogFailure(.closed, "the gateway is stopping"))) }
    }

    func stop() {
        let thread = state.change { state in
            state.isStopping = true
            return state.thread
        }
        thread?.join()
        let questions = state.change { state in
            defer { state.questions = [] }
            return state.questions
        }
        for answer in questions { answer(.failure(LogFailure(.closed, "the gateway is stopping"))) }
    }

    private func run() {
        var reading: Reading?
        while let questions = next(isReading: reading != nil) {
            guard !questions.isEmpty else {
                reading?.tail.close()
                reading = nil
                continue
            }
            do {
                let current = try reading ?? Reading(log, limits, from: start)
                reading = current
                try read(current)
                for answer in questions { answer(.success(())) }
            } catch {
                reading?.tail.close()
                reading = nil
                let failure = error as? LogFailure ?? LogFailure(.unreachable, String(describing: error))
                logger.warning("updates cannot be read", [("reason", failure.reason)])
                for answer in questions { answer(.failure(failure)) }
            }
        }
        reading?.tail.close()
    }

    /// The next questions; none when it is time to stop reading, nil when it is time to end.
    ///
    /// A tail that nobody reads from still fetches ahead, and later brings what is known by then.
    private func next(isReading: Bool) -> [Answer]? {
        let batch: [Answer]?? = state.wait(within: isReading ? Self.idleTime : nil) { state in
            if state.isStopping { return .some(nil) }
            guard !state.questions.isEmpty else { return nil }
            defer { state.questions = [] }
            return .some(state.questions)
        }
        return batch ?? []
    }

    /// Behind what is known; at first, where the last result says that open rounds begin.
    private var start: [Int32: Int64] {
        let known = index.withLock { $0.known }
        guard known.isEmpty else { return known }
        return store.all.values.reduce(into: [:]) { $0.merge($1.logPositions) { max($0, $1) } }
    }

    private func read(_ reading: Reading) throws {
        try reading.tail.catchUp(with: TopicName.updates, of: log, patience: .seconds(10)) { [self] in
            state.look { !$0.isStopping }
        } _: { [self] record in
            take(record, reading.reader)
        }
        index.withLock { index in
            index.advance(to: reading.tail.positions)
            index.prune { store[$0] != nil }
        }
    }

    /// What cannot be read is the aggregator's to bury; what this gateway has appended is known already.
    private func take(_ record: borrowing StoredRecord, _ reader: MessageReader) {
        let position = record.position
        if ChunkRecord.isChunk(record.headers) { return }
        if index.withLock({ ($0.known[position.partition] ?? 0) > position.offset }) { return }
        try? reader.read(record) { opened in
            guard opened.message.type == .weightUpdate else { return }
            let update = StoredUpdate(opened, at: position)
            index.withLock { _ = $0.read(update) }
        }
    }
}

/// The state of the reader's thread.
private final class Reading {
    let tail: any LogTail
    let reader: MessageReader

    init(_ log: any EventLog, _ limits: MessageReader.Limits, from start: [Int32: Int64]) throws {
        reader = MessageReader(limits: limits)
        tail = try log.tail(TopicName.updates, from: start)
    }
}
