public import Envelopes
public import EventLog
internal import Synchronization
public import Telemetry
internal import Threads

/// How the aggregator works.
public struct AggregatorConfiguration: Sendable {
    /// Holds the spool of the open rounds; made when it is missing, emptied at start.
    public var directory: String
    /// When rounds close.
    public var policy: ClosingPolicy
    /// How results are written to the log.
    public var output: ResultForm
    /// Bytes of the largest record that is read.
    public var maxRecordBytes: Int
    /// Bytes of all arrays of the largest update, stored densely.
    public var maxDecodedBytes: Int
    /// Bytes of a chunk of results that are too large for one record.
    public var chunkSize = 1 << 20
    /// Bounds on updates whose commit record has not come.
    public var unfinished = ChunkSpool.Limits()

    /// A configuration.
    ///
    /// - Parameters:
    ///   - directory: for the spool.
    ///   - policy: when rounds close.
    ///   - output: how results are written.
    ///   - maxRecordBytes: of the largest record that is read.
    ///   - maxDecodedBytes: of the largest update.
    public init(
        directory: String, policy: ClosingPolicy, output: ResultForm, maxRecordBytes: Int, maxDecodedBytes: Int
    ) {
        self.directory = directory
        self.policy = policy
        self.output = output
        self.maxRecordBytes = maxRecordBytes
        self.maxDecodedBytes = maxDecodedBytes
    }
}

/// Combines each round's updates and publishes the result (protocol.md, section 7).
///
/// Of all aggregators on one log one works; the others wait to take over. Everything that it knows comes from the log,
/// so that the end of one at any moment loses nothing and doubles nothing.
///
/// Thread: its own; `start` and `stop` any.
public final class Aggregator: Sendable {
    let log: any EventLog
    let configuration: AggregatorConfiguration
    let board: RoundBoard
    let metrics: AggregationMetrics
    let logger: Logger
    let pulse = AggregatorPulse()
    private let stopping = Atomic(false)
    private let pause = Monitor(false)
    private let thread = Mutex<DedicatedThread?>(nil)

    /// An aggregator that does not run yet.
    ///
    /// - Parameters:
    ///   - log: its topics are prepared.
    ///   - configuration: how it works.
    ///   - board: shows the open rounds to others in the process.
    ///   - registry: gets its metrics.
    ///   - logger: gets its events.
    public init(
        log: any EventLog, configuration: AggregatorConfiguration, board: RoundBoard = RoundBoard(),
        registry: MetricRegistry, logger: Logger
    ) {
        self.log = log
        self.configuration = configuration
        self.board = board
        metrics = AggregationMetrics(registry, board)
        self.logger = logger
    }

    var isStopping: Bool { stopping.load(ordering: .acquiring) }

    /// Why it gets nowhere, by what it did last; nil when it works, or stands by for another one that does.
    public var problem: String? { pulse.problem }

    /// Begins to work.
    ///
    /// - Returns: false when the system gives no thread.
    public func start() -> Bool {
        let started = DedicatedThread(name: "aggregator") { [self] in run() }
        thread.withLock { $0 = started }
        return started != nil
    }

    /// Ends after the step it is in, and lets another aggregator take over.
    ///
    /// Blocks.
    public func stop() {
        stopping.store(true, ordering: .releasing)
        pause.change { $0 = true }
        thread.withLock { $0.take() }?.join()
    }

    private func run() {
        while !isStopping {
            do {
                let leadership = try log.contend(for: "aggregator")
                defer { leadership.close() }
                try contend(leadership)
            } catch {
                metrics.failures.add()
                pulse.failed(String(describing: error))
                logger.error("the aggregator starts over", [("reason", String(describing: error))])
                wait()
            }
        }
    }

    private func contend(_ leadership: any Leadership) throws {
        var waiting = false
        while !isStopping {
            guard let term = try leadership.acquire(within: .milliseconds(500)) else {
                if !waiting { logger.info("the aggregator stands by") }
                waiting = true
                pulse.beat()
                continue
            }
            waiting = false
            metrics.active.set(true)
            defer {
                metrics.active.set(false)
                board.clear()
            }
            // What others left on the log is read first, which may take long.
            let work = try pulse.during { try TermOfWork(self, term) }
            defer { work.end() }
            logger.info("the aggregator is active", [("open_rounds", String(board.openRounds))])
            while !isStopping, term.isCurrent {
                try work.step()
                pulse.beat()
            }
        }
    }

    /// Not long, since a standby may be waiting for the same log to come back.
    private func wait() { _ = pause.wait(within: .seconds(1)) { $0 ? true : nil } }
}
