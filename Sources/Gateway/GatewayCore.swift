internal import Aggregation
internal import Envelopes
internal import EventLog
internal import MicroHTTP
internal import Synchronization
internal import Telemetry
internal import Threads
internal import Weights

/// What all operations share.
final class GatewayCore: Sendable {
    let configuration: GatewayConfiguration
    let log: any EventLog
    let store: ResultStore
    let follower: ResultFollower
    let copies: ResultCopies
    let forms: ResultForms
    let updates: UpdateReader
    let health: LogHealth
    let profile: GatewayProfile
    let turns = UploadTurns()
    let stopHooks = StopHooks()
    let partials: PartialUploads
    let replay = UploadReplay()
    let relay: Relay
    let rounds: RoundFeed
    let door: Door
    let crossOrigin: CrossOrigin
    let status = StatusFeed()
    let admission: Admission
    let metrics: GatewayMetrics
    let timers: TimerQueue
    /// The open rounds, when the active aggregator runs in this process.
    let board: RoundBoard
    let logger: Logger
    /// Bytes of a message's metadata at most.
    let metadataRoom = RecordLimits.metadata
    /// Bytes of the largest body.
    var maxBody: Int { configuration.maxBody }
    /// How much goes into one record.
    let records: RecordLimits
    private let stopping = Atomic(false)

    init(
        _ configuration: GatewayConfiguration, _ log: any EventLog, _ store: ResultStore, _ partials: PartialUploads,
        _ board: RoundBoard, _ timers: TimerQueue, _ registry: MetricRegistry, _ logger: Logger
    ) {
        self.configuration = configuration
        self.log = log
        self.store = store
        door = Door(configuration.door)
        crossOrigin = CrossOrigin(configuration.door.corsOrigins)
        profile = GatewayProfile(registry, compression: configuration.uploads.compression)
        health = LogHealth(log)
        copies = ResultCopies(configuration.contentCodings, store, logger, profile.compressResult)
        forms = ResultForms(store, logger, profile.convert)
        self.partials = partials
        self.board = board
        self.timers = timers
        self.logger = logger
        metrics = GatewayMetrics(registry)
        admission = Admission(limit: configuration.memory)
        let limits = MessageReader.Limits(
            maxStored: configuration.maxRecordBytes, maxDecoded: configuration.maxDecodedBytes)
        follower = ResultFollower(log, store, limits, configuration, metrics, logger)
        updates = UpdateReader(log, store, limits, logger)
        relay = Relay(log, retries: configuration.maxRetries, timers, registry, logger)
        rounds = RoundFeed(store, board, configuration)
        records = RecordLimits(configuration)
    }

    var isStopping: Bool { stopping.load(ordering: .acquiring) }

    /// From now on `/readyz` says no.
    func beginStopping() {
        stopping.store(true, ordering: .releasing)
        store.dismissWatchers()
        stopHooks.stop()
    }

    /// A problem's response; it is counted.
    func refuse(_ failure: Failure, _ id: String) -> Response {
        metrics.refused(failure.kind)
        if failure.kind.row.status >= 500 {
            logger.warning(failure.kind.rawValue, [("request_id", id), ("detail", failure.detail)])
        }
        return Answers.problem(failure, request: id)
    }

    /// Why the log did not take a record.
    ///
    /// librdkafka says of a topic only that it does not know it, which passes when the topic is new. What a broker says of it
    /// `health` has heard.
    func failure(_ failure: LogFailure) -> Failure {
        if failure.kind == .tooLarge {
            // It was made to fit: the limit is another one by now, and that is nothing that the client could mend.
            records.readAgain(log, logger)
            return Failure(.logUnreachable, "\(failure.reason); the topic's limit is read anew, send it again")
        }
        guard failure.kind == .unreachable, let reason = health.topicProblem else { return Failure(failure) }
        return Failure(.logTopic, reason)
    }

    /// Why the log did not take a chunk: without its commit record the update does not exist, whatever became of the chunk.
    func failure(chunk failure: LogFailure) -> Failure {
        failure.kind == .outcomeUnknown ? Failure(.logUnreachable, failure.reason) : self.failure(failure)
    }

    func checkOpen(_ round: Int64) throws(Failure) {
        guard store[round] == nil else { throw Failure(.roundClosed, "round \(round) has its result") }
    }

    /// The round is open, and its arrays, where this process knows them, are these.
    func check(_ arrays: [ArraySpec], of round: Int64) throws(Failure) {
        try checkOpen(round)
        guard let first = board.arrays(of: round) else { return }
        do throws(ArrayMatch.Mismatch) { _ = try ArrayMatch.partners(of: arrays, in: first) } catch {
            throw Failure(error)
        }
    }
}
