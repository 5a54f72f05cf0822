internal import Envelopes
internal import Synchronization
internal import Telemetry

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
        registry.gauge("fedgate_aggregator_unfinished_dropped", "Unfinished messages dropped for age or size.") {
            [self] in
            Double(unfinishedDropped.load(ordering: .relaxed))
        }
        registry.gauge("fedgate_aggregator_open_rounds", "Rounds with updates and without a result.") { [board] in
            Double(board.openRounds)
        }
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
