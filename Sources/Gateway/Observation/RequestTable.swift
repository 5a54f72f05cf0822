internal import Synchronization
internal import Telemetry

/// What is counted of requests, by route, method and status.
///
/// A place for every combination that there can be, so that counting takes no lock and hashes nothing. Only combinations
/// that came are shown.
///
/// Thread: any.
final class RequestTable: Sendable {
    /// What is counted; the route is its place in the table of routes.
    struct Key {
        /// Nil for what matched no route.
        let route: Int?
        let isHead: Bool
        let status: Int
    }

    /// All that the gateway sends, and 499 for a client that went away; others count as 0.
    private static let statuses = [
        0, 200, 201, 202, 204, 206, 304, 400, 401, 403, 404, 405, 406, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417,
        422, 429, 431, 499, 500, 501, 503, 504, 505,
    ]
    private static let routes = Route.all.count + 1
    private static let size = routes * 2 * statuses.count

    /// Status to place, up to 511.
    private let places: [UInt8]
    /// Unsafe: allocated for the table's life, touched by atomic operations only.
    private nonisolated(unsafe) let cells: UnsafeMutablePointer<Atomic<UInt64>>
    private let latency: [Histogram]
    private let requestBytes: [Counter]
    private let responseBytes: [Counter]

    init(_ registry: MetricRegistry, seconds: [Double]) {
        var places = [UInt8](repeating: 0, count: 512)
        for (place, status) in Self.statuses.enumerated() { places[status] = UInt8(place) }
        self.places = places
        cells = .allocate(capacity: Self.size)
        for index in 0..<Self.size { (cells + index).initialize(to: Atomic(0)) }
        let labels = (0..<Self.routes).map {
            [("route", Self.pattern($0)), ("method", Self.method($0, isHead: false))]
        }
        latency = labels.map {
            registry.histogram(
                "fedgate_request_duration_seconds", "From a request's first byte to the end of its answer.",
                bounds: seconds, $0)
        }
        requestBytes = labels.map {
            registry.counter("fedgate_request_body_bytes_total", "Bytes of request bodies as they were sent.", $0)
        }
        responseBytes = labels.map {
            registry.counter("fedgate_response_body_bytes_total", "Bytes of answers' bodies.", $0)
        }
        registry.collect("fedgate_requests_total", "Requests answered; status 499 is a client that left.", .counter) {
            [self] in counts
        }
    }

    deinit {
        cells.deinitialize(count: Self.size)
        cells.deallocate()
    }

    func count(_ key: Key, after duration: Duration, bytesIn: UInt64, bytesOut: Int) {
        let route = key.route ?? Self.routes - 1
        let status = 0..<512 ~= key.status ? Int(places[key.status]) : 0
        cells[(route * 2 + (key.isHead ? 1 : 0)) * Self.statuses.count + status].wrappingAdd(1, ordering: .relaxed)
        latency[route].observe(duration)
        if bytesIn > 0 { requestBytes[route].add(bytesIn) }
        if bytesOut > 0 { responseBytes[route].add(UInt64(bytesOut)) }
    }

    /// Bytes of all bodies, of requests and of answers.
    var traffic: (bytesIn: UInt64, bytesOut: UInt64) {
        (requestBytes.reduce(0) { $0 &+ $1.value }, responseBytes.reduce(0) { $0 &+ $1.value })
    }

    private var counts: [(MetricRegistry.Labels, Double)] {
        (0..<Self.size).compactMap { index in
            let count = cells[index].load(ordering: .relaxed)
            guard count > 0 else { return nil }
            let (row, status) = index.quotientAndRemainder(dividingBy: Self.statuses.count)
            let labels = [
                ("route", Self.pattern(row / 2)), ("method", Self.method(row / 2, isHead: row % 2 == 1)),
                ("status", status == 0 ? "other" : String(Self.statuses[status])),
            ]
            return (labels, Double(count))
        }
    }

    private static func pattern(_ route: Int) -> String { route < Route.all.count ? Route.all[route].pattern : "none" }

    /// HEAD is told from GET in the counts only.
    private static func method(_ route: Int, isHead: Bool) -> String {
        if isHead { return "HEAD" }
        return route < Route.all.count ? Route.all[route].method : "none"
    }
}
