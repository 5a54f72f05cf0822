internal import Synchronization
internal import Telemetry

/// Counts requests by route, method and status; a counter is made when it is first needed.
final class RequestCounters: Sendable {
    /// What is counted; the route is its place in the table, so that finding the counter hashes no text.
    struct Key: Hashable {
        /// Nil for what matched no route.
        let route: Int?
        let isHead: Bool
        let status: Int
    }

    private let registry: MetricRegistry
    private let counters = Mutex<[Key: Counter]>([:])

    init(_ registry: MetricRegistry) { self.registry = registry }

    func count(_ key: Key) {
        let known = counters.withLock { $0[key] }
        (known ?? make(key)).add()
    }

    private func make(_ key: Key) -> Counter {
        counters.withLock { counters in
            if let counter = counters[key] { return counter }
            let route = key.route.map { Route.all[$0] }
            let method = key.isHead ? "HEAD" : route?.method ?? "none"
            let counter = registry.counter(
                "fedgate_requests_total", "Requests answered, by route, method and status.",
                [("route", route?.pattern ?? "none"), ("method", method), ("status", String(key.status))])
            counters[key] = counter
            return counter
        }
    }
}
