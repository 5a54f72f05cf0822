internal import Telemetry

/// What the gateway counts; labels come from the table of routes and of failures, never from a client.
final class GatewayMetrics: Sendable {
    let registry: MetricRegistry
    let waits: Counter
    let delivery: Histogram
    let followerFailures: Counter
    let unreadableResults: Counter
    private let updates: Counter
    private let payload: Counter
    private let latency: Histogram
    private let requests: RequestCounters
    private let failures: [FailureKind: Counter]

    init(_ registry: MetricRegistry) {
        self.registry = registry
        requests = RequestCounters(registry)
        let seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
        latency = registry.histogram(
            "fedgate_request_duration_seconds", "From a request's first byte to the end of its answer.", bounds: seconds
        )
        delivery = registry.histogram(
            "fedgate_delivery_duration_seconds", "From a record's hand-over to the log's answer.", bounds: seconds)
        updates = registry.counter("fedgate_updates_stored_total", "Updates that the log has acknowledged.")
        payload = registry.counter("fedgate_update_bytes_total", "Bytes of weights in stored updates.")
        waits = registry.counter("fedgate_admission_waits_total", "Uploads that had to wait for memory.")
        followerFailures = registry.counter(
            "fedgate_follower_failures_total", "Times that following the results had to start over.")
        unreadableResults = registry.counter(
            "fedgate_unreadable_results_total", "Records of results that could not be read.")
        failures = Dictionary(
            uniqueKeysWithValues: FailureKind.allCases.map { kind in
                (
                    kind,
                    registry.counter(
                        "fedgate_problems_total", "Problems answered, by name.", [("problem", kind.rawValue)])
                )
            })
    }

    func stored(bytes: Int) {
        updates.add()
        payload.add(UInt64(bytes))
    }

    func refused(_ kind: FailureKind) { failures[kind]?.add() }

    func answered(_ key: RequestCounters.Key, after duration: Duration) {
        latency.observe(duration)
        requests.count(key)
    }
}
