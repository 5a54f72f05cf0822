internal import Telemetry

/// What the gateway counts; labels come from the table of routes and of failures, never from a client.
final class GatewayMetrics: Sendable {
    static let seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

    let registry: MetricRegistry
    let waits: Counter
    let inFlight = Gauge()
    let followerFailures: Counter
    let unreadableResults: Counter
    let unfinishedMessages = Gauge()
    let unfinishedBytes = Gauge()
    let requests: RequestTable
    private let updates: Counter
    private let payload: Counter
    private let failures: [FailureKind: Counter]

    init(_ registry: MetricRegistry) {
        self.registry = registry
        requests = RequestTable(registry, seconds: Self.seconds)
        registry.gauge("fedgate_requests_in_flight", "Requests that came and whose answer is not out.") {
            [inFlight] in Double(inFlight.value)
        }
        updates = registry.counter("fedgate_updates_stored_total", "Updates that the log has acknowledged.")
        payload = registry.counter("fedgate_update_bytes_total", "Bytes of weights in stored updates.")
        waits = registry.counter("fedgate_admission_waits_total", "Uploads that had to wait for memory.")
        followerFailures = registry.counter(
            "fedgate_follower_failures_total", "Times that following the results had to start over.")
        unreadableResults = registry.counter(
            "fedgate_unreadable_results_total", "Records of results that could not be read.")
        registry.gauge("fedgate_unfinished_results", "Results with chunks and no commit record.") {
            [unfinishedMessages] in Double(unfinishedMessages.value)
        }
        registry.gauge("fedgate_unfinished_result_bytes", "Bytes of their chunks on disk.") {
            [unfinishedBytes] in Double(unfinishedBytes.value)
        }
        failures = Dictionary(
            uniqueKeysWithValues: FailureKind.allCases.map { kind in
                (
                    kind,
                    registry.counter(
                        "fedgate_problems_total", "Problems answered, by name.", [("problem", kind.rawValue)])
                )
            })
    }

    /// Updates that the log has acknowledged, and the bytes of their weights.
    var storedUpdates: UInt64 { updates.value }
    var storedBytes: UInt64 { payload.value }
    /// Problems that were answered at least once.
    var problems: [(FailureKind, UInt64)] {
        failures.map { ($0, $1.value) }.filter { $0.1 > 0 }
    }

    func stored(bytes: Int) {
        updates.add()
        payload.add(UInt64(bytes))
    }

    func refused(_ kind: FailureKind) { failures[kind]?.add() }
}
