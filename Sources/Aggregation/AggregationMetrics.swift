internal import Envelopes
internal import Synchronization
internal import Telemetry
internal import Weights
internal import WireTime

/// What the aggregator counts.
final class AggregationMetrics: Sendable {
    let counted: Counter
    let replaced: Counter
    let repeated: Counter
    let late: Counter
    let buried: Counter
    let closed: Counter
    let failures: Counter
    let active = Flag()
    /// From the last update counted to the result on the log.
    let publishing: Histogram
    let openUpdates = Gauge()
    let spoolBytes = Gauge()
    private let lastRound = Gauge()
    private let lastTime = Gauge()
    private let unfinishedCount = Atomic(0)
    private let unfinishedBytes = Atomic(0)
    private let unfinishedDropped = Atomic(0)

    init(_ registry: MetricRegistry, _ board: RoundBoard) {
        func updates(_ outcome: String) -> Counter {
            registry.counter("fedgate_aggregator_updates_total", "Updates read, by outcome.", [("outcome", outcome)])
        }
        counted = updates("counted")
        replaced = updates("replaced")
        repeated = updates("repeated")
        late = updates("late")
        buried = registry.counter("fedgate_aggregator_dead_letters_total", "Records moved to the dead letters.")
        publishing = registry.histogram(
            "fedgate_aggregator_publish_duration_seconds", "Computing a round's mean and publishing it.",
            bounds: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800])
        closed = registry.counter("fedgate_aggregator_rounds_closed_total", "Rounds whose result was published here.")
        failures = registry.counter("fedgate_aggregator_failures_total", "Times that the aggregator started over.")
        registry.gauge("fedgate_aggregator_active", "1 where the active aggregator runs.") { [active] in
            active.isSet ? 1 : 0
        }
        registry.gauge("fedgate_aggregator_unfinished_messages", "Messages with chunks and no commit record.") {
            [self] in
            Double(unfinishedCount.load(ordering: .relaxed))
        }
        registry.gauge("fedgate_aggregator_unfinished_bytes", "Bytes of their chunks on disk.") { [self] in
            Double(unfinishedBytes.load(ordering: .relaxed))
        }
        registry.collect(
            "fedgate_aggregator_unfinished_dropped_total", "Unfinished messages dropped for age or size.", .counter
        ) { [self] in [([], Double(unfinishedDropped.load(ordering: .relaxed)))] }
        registry.gauge("fedgate_aggregator_open_updates", "Updates that count in open rounds.") { [openUpdates] in
            Double(openUpdates.value)
        }
        registry.gauge("fedgate_aggregator_spool_bytes", "Bytes of the arrays of open rounds on disk.") {
            [spoolBytes] in Double(spoolBytes.value)
        }
        registry.gauge("fedgate_aggregator_last_round", "The round closed here last; -1 before the first.") {
            [lastRound] in Double(lastRound.value)
        }
        registry.gauge(
            "fedgate_aggregator_last_result_time_seconds", "When that was, in seconds since 1970; 0 before."
        ) { [lastTime] in Double(lastTime.value) }
        lastRound.set(-1)
        registry.gauge("fedgate_aggregator_open_rounds", "Rounds with updates and without a result.") { [board] in
            Double(board.openRounds)
        }
    }

    /// A round's result is on the log.
    func closed(_ round: Int64, after duration: Duration) {
        closed.add()
        publishing.observe(duration)
        lastRound.set(Int(round))
        lastTime.set(Int(Timestamp.now()))
    }

    /// Shows which rounds are open now.
    func open(_ book: RoundBook) {
        openUpdates.set(book.open.values.reduce(0) { $0 + $1.count })
        spoolBytes.set(
            book.open.values.reduce(0) { sum, round in
                sum + round.count * round.arrays.reduce(0) { $0 + $1.byteCount }
            })
    }

    /// Shows what is unfinished now.
    func unfinished(_ spool: ChunkSpool) {
        unfinishedCount.store(spool.count, ordering: .relaxed)
        unfinishedBytes.store(spool.bytes, ordering: .relaxed)
        unfinishedDropped.store(spool.dropped, ordering: .relaxed)
    }
}

/// A truth that threads may ask for.
final class Flag: Sendable {
    private let value = Atomic(false)

    var isSet: Bool { value.load(ordering: .relaxed) }

    func set(_ value: Bool) { self.value.store(value, ordering: .relaxed) }
}
