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
        registry.gauge("fedgate_aggregator_open_rounds", "Rounds with updates and without a result.") { [board] in
            Double(board.openRounds)
        }
    }
}

/// A truth that threads may ask for.
final class Flag: Sendable {
    private let value = Atomic(false)

    var isSet: Bool { value.load(ordering: .relaxed) }

    func set(_ value: Bool) { self.value.store(value, ordering: .relaxed) }
}
