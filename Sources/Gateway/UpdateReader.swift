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
/// that open rounds begin. What lies before is read for a client alone that counted in a closed round and asks for its
/// receipt again after a restart.
///
/// Thread: its own, started by the first question; the rest any.
final class UpdateReader: Sendable {
    typealias Answer = @Sendable (Result<Void, LogFailure>) -> Void

    private struct Question {
        /// A closed round whose updates are to be known, too.
        let round: Int64?
        let answer: Answer
    }

    private struct State {
        var questions: [Question] = []
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

    /// Whether a client has an update of a round: one that was read, or one that counted.
    func hasUpdate(of client: String, round: Int64) -> Bool {
        updates(of: client, round: round) != nil || store[round]?.counted[client] != nil
    }

    /// Whether a client has an update of a closed round that this process has not read.
    func mustRecall(_ client: String, round: Int64) -> Bool {
        store[round]?.counted[client] != nil && updates(of: client, round: round) == nil
    }

    /// Answers once everything was read that is on the log now, on the reader's thread.
    ///
    /// - Parameter round: a closed one; its updates are read again where they lie.
    func catchUp(recalling round: Int64? = nil, _ answer: @escaping Answer) {
        let accepted = state.change { state in
            guard !state.isStopping else { return false }
            if state.thread == nil { state.thread = DedicatedThread(name: "updates") { [self] in run() } }
            state.questions.append(Question(round: round, answer: answer))
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
        for question in questions { question.answer(.failure(LogFailure(.closed, "the gateway is stopping"))) }
    }

    private func run() {
        var reading: Reading?
        var recalled: Set<Int64> = []
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
                for round in questions.compactMap(\.round) where !recalled.contains(round) {
                    try recall(round, current.reader)
                    recalled.insert(round)
                }
                for question in questions { question.answer(.success(())) }
            } catch {
                reading?.tail.close()
                reading = nil
                let failure = error as? LogFailure ?? LogFailure(.unreachable, String(describing: error))
                logger.warning("updates cannot be read", [("reason", failure.reason)])
                for question in questions { question.answer(.failure(failure)) }
            }
        }
        reading?.tail.close()
    }

    /// The next questions; none when it is time to stop reading, nil when it is time to end.
    ///
    /// A tail that nobody reads from still fetches ahead, and later brings what is known by then.
    private func next(isReading: Bool) -> [Question]? {
        let batch: [Question]?? = state.wait(within: isReading ? Self.idleTime : nil) { state in
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
        return known.isEmpty ? start(before: .max) : known
    }

    /// From where rounds have their updates that are open at a place in the topic of results, as the results before it say.
    private func start(before offset: Int64) -> [Int32: Int64] {
        store.all.values.reduce(into: [:]) { start, result in
            if result.position.offset < offset { start.merge(result.logPositions) { max($0, $1) } }
        }
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

    /// Reads a closed round's updates again, until all that counted were seen, or there is nothing more that could be them.
    private func recall(_ round: Int64, _ reader: MessageReader) throws {
        guard let result = store[round] else { return }
        let end = index.withLock { $0.known }
        let tail = try log.tail(TopicName.updates, from: start(before: result.position.offset))
        defer { tail.close() }
        var missing = Set(result.counted.values)
        do {
            try tail.catchUp(with: TopicName.updates, of: log, patience: .seconds(10)) { [self] in
                state.look { !$0.isStopping }
            } _: { [self] record in
                let position = record.position
                guard position.offset < end[position.partition] ?? 0, let update = update(in: record, reader),
                    update.receipt.round == round
                else { return }
                index.withLock { _ = $0.read(update) }
                missing.remove(update.receipt.messageID)
                if missing.isEmpty { throw AllSeen() }
            }
        } catch is AllSeen {}
    }

    /// What this gateway has appended is known already.
    private func take(_ record: borrowing StoredRecord, _ reader: MessageReader) {
        let position = record.position
        if index.withLock({ ($0.known[position.partition] ?? 0) > position.offset }) { return }
        if let update = update(in: record, reader) { index.withLock { _ = $0.read(update) } }
    }

    /// Nil for a chunk, and for what cannot be read: that is the aggregator's to bury.
    private func update(in record: borrowing StoredRecord, _ reader: MessageReader) -> StoredUpdate? {
        if ChunkRecord.isChunk(record.headers) { return nil }
        let position = record.position
        return try? reader.read(record) { opened in
            opened.message.type == .weightUpdate ? StoredUpdate(opened, at: position) : nil
        }
    }
}

/// Ends a reading that has found what it looked for.
private struct AllSeen: Error {}

/// The state of the reader's thread.
private final class Reading {
    let tail: any LogTail
    let reader: MessageReader

    init(_ log: any EventLog, _ limits: MessageReader.Limits, from start: [Int32: Int64]) throws {
        reader = MessageReader(limits: limits)
        tail = try log.tail(TopicName.updates, from: start)
    }
}
