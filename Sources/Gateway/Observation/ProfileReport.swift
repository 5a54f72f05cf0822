internal import Telemetry
internal import WireJSON

/// `/profile`: the reference's report, and the same by operation.
enum ProfileReport {
    static func json(_ profiler: Profiler) -> [String: JSONValue] {
        let operations = profiler.operations.map { ($0, $0.summary) }
        func merged(
            _ part: KeyPath<ProfiledOperation.Summary, Moments>, _ group: Profiler.Group? = nil
        ) -> JSONValue {
            var whole = Moments()
            for (operation, summary) in operations where group == nil || operation.group == group {
                whole.merge(summary[keyPath: part])
            }
            return moments(whole)
        }
        // Of the operations that ran at all: a rate of one that never ran says nothing.
        var rates = Moments()
        for (_, summary) in operations where summary.seconds.count + summary.failures > 0 {
            rates.add(summary.failureRate)
        }
        return [
            "serialization_times": merged(\.seconds, .serialization),
            "deserialization_times": merged(\.seconds, .deserialization),
            "compression_ratios": merged(\.ratio), "throughput_mbps": merged(\.throughput),
            "error_rates": moments(rates),
            "operations": .object(
                Dictionary(
                    operations.compactMap { operation, summary in
                        guard summary.seconds.count + summary.failures > 0 else { return nil }
                        return (operation.name, json(summary))
                    }
                ) { $1 }),
        ]
    }

    private static func json(_ summary: ProfiledOperation.Summary) -> JSONValue {
        .object([
            "times": moments(summary.seconds), "throughput_mbps": moments(summary.throughput),
            "compression_ratios": moments(summary.ratio),
            "input_bytes": .integer(Int64(clamping: summary.bytesIn)),
            "output_bytes": .integer(Int64(clamping: summary.bytesOut)),
            "errors": .integer(Int64(clamping: summary.failures)), "error_rate": .number(summary.failureRate),
        ])
    }

    /// Null where there are no values, since neither a mean nor extremes are known.
    private static func moments(_ moments: Moments) -> JSONValue {
        guard moments.count > 0 else { return .null }
        return .object([
            "mean": .number(moments.mean), "std": .number(moments.deviation), "min": .number(moments.min),
            "max": .number(moments.max), "count": .integer(Int64(clamping: moments.count)),
        ])
    }
}
