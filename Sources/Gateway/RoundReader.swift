internal import Envelopes
internal import EventLog
internal import Synchronization
internal import Telemetry
internal import Threads

/// Who has reported to which open round, read from the log when somebody asks.
///
/// A gateway that read all updates back as they come would do its work twice; so it reads them when it is asked about
/// rounds, each one once, beginning where the last result says that open rounds begin.
///
/// Thread: its own, started by the first question; questions any.
final class RoundReader: Sendable {
    /// An open round as its updates tell it.
    struct OpenRound: Sendable {
        var firstTimestamp: Double
        var clients: Set<String> = []
    }

    typealias Answer = @Sendable (Result<[Int64: OpenRound], LogFailure>) -> Void

    private struct State {
        var questions: [Answer] = []
        var isStopping = false
        var thread: DedicatedThread?
    }

    private let log: any EventLog
    private let store: ResultStore
    private let limits: MessageReader.Limits
    private let logger: Logger
    private let state = Monitor(State())

    init(_ log: any EventLog, _ store: ResultStore, _ limits: MessageReader.Limits, _ logger: Logger) {
        self.log = log
        self.store = store
        self.limits = limits
        self.logger = logger
    }

    /// Answers with the rounds that have updates on the log now, on the reader's thread.
    func ask(_ answer: @escaping Answer) {
        let accepted = state.change { state in
            guard !state.isStopping else { return false }
            if state.thread == nil { state.thread = DedicatedThread(name: "rounds") { [self] in run() } }
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
        while let questions = next() {
            do {
                let current = try reading ?? Reading(log, store, limits)
                reading = current
                let rounds = try current.read()
                for answer in questions { answer(.success(rounds)) }
            } catch {
                reading?.close()
                reading = nil
                let failure = error as? LogFailure ?? LogFailure(.unreachable, String(describing: error))
                logger.warning("updates cannot be read", [("reason", failure.reason)])
                for answer in questions { answer(.failure(failure)) }
            }
        }
        reading?.close()
    }

    private func next() -> [Answer]? {
        let batch: [Answer]?? = state.wait { state in
            if state.isStopping { return .some(nil) }
            guard !state.questions.isEmpty else { return nil }
            defer { state.questions = [] }
            return .some(state.questions)
        }
        return batch ?? nil
    }
}

/// The state of the reader's thread.
private final class Reading {
    private let log: any EventLog
    private let store: ResultStore
    private let tail: any LogTail
    private let reader: MessageReader
    private var rounds: [Int64: RoundReader.OpenRound] = [:]

    init(_ log: any EventLog, _ store: ResultStore, _ limits: MessageReader.Limits) throws {
        self.log = log
        self.store = store
        reader = MessageReader(limits: limits)
        var start: [Int32: Int64] = [:]
        for result in store.all.values {
            start.merge(result.logPositions) { max($0, $1) }
        }
        tail = try log.tail(TopicName.updates, from: start)
    }

    func close() { tail.close() }

    func read() throws -> [Int64: RoundReader.OpenRound] {
        try tail.catchUp(with: TopicName.updates, of: log, patience: .seconds(10)) { [self] in take($0) }
        let closed = store.all
        rounds = rounds.filter { closed[$0.key] == nil }
        return rounds
    }

    /// What cannot be read is the aggregator's to bury.
    private func take(_ record: borrowing StoredRecord) {
        if ChunkRecord.isChunk(record.headers) { return }
        try? reader.read(record) { opened in
            let message = opened.message
            guard message.type == .weightUpdate, store[message.roundNumber] == nil else { return }
            rounds[message.roundNumber, default: .init(firstTimestamp: message.timestamp)].clients
                .insert(message.senderID)
        }
    }
}
