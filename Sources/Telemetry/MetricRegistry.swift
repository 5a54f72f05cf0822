internal import Synchronization

/// All metrics of a process, written as Prometheus text (exposition format 0.0.4).
///
/// Labels are fixed when a metric is made; nothing that a client says becomes one.
///
/// Thread: any; metrics are made at start.
public final class MetricRegistry: Sendable {
    private enum Series: Sendable {
        case counter(Counter)
        case gauge(@Sendable () -> Double)
        case histogram(Histogram)

        var type: String {
            switch self {
            case .counter: "counter"
            case .gauge: "gauge"
            case .histogram: "histogram"
            }
        }
    }

    private struct Family: Sendable {
        let help: String
        var series: [(labels: [(String, String)], series: Series)] = []
    }

    private let families = Mutex<(names: [String], byName: [String: Family])>(([], [:]))

    /// A registry without metrics.
    public init() {}

    /// Makes a counter.
    ///
    /// - Parameters:
    ///   - name: ends with `_total`.
    ///   - help: one line.
    ///   - labels: names and values, fixed.
    public func counter(_ name: String, _ help: String, _ labels: [(String, String)] = []) -> Counter {
        let counter = Counter()
        add(name, help, labels, .counter(counter))
        return counter
    }

    /// Makes a gauge that is read when it is asked for.
    ///
    /// - Parameters:
    ///   - name: with its unit.
    ///   - help: one line.
    ///   - labels: names and values, fixed.
    ///   - read: any thread; must not block.
    public func gauge(
        _ name: String, _ help: String, _ labels: [(String, String)] = [], read: @escaping @Sendable () -> Double
    ) {
        add(name, help, labels, .gauge(read))
    }

    /// Makes a histogram.
    ///
    /// - Parameters:
    ///   - name: with its unit.
    ///   - help: one line.
    ///   - bounds: upper bounds, ascending.
    ///   - labels: names and values, fixed.
    public func histogram(
        _ name: String, _ help: String, bounds: [Double], _ labels: [(String, String)] = []
    ) -> Histogram {
        let histogram = Histogram(bounds: bounds)
        add(name, help, labels, .histogram(histogram))
        return histogram
    }

    private func add(_ name: String, _ help: String, _ labels: [(String, String)], _ series: Series) {
        families.withLock { families in
            if families.byName[name] == nil { families.names.append(name) }
            families.byName[name, default: Family(help: help)].series.append((labels, series))
        }
    }

    /// All metrics as Prometheus text.
    public func render() -> [UInt8] {
        let (names, byName) = families.withLock { ($0.names, $0.byName) }
        var text = ""
        for name in names {
            guard let family = byName[name], let first = family.series.first else { continue }
            text += "# HELP \(name) \(family.help)\n# TYPE \(name) \(first.series.type)\n"
            for (labels, series) in family.series { Self.write(name, labels, series, to: &text) }
        }
        return Array(text.utf8)
    }

    private static func write(_ name: String, _ labels: [(String, String)], _ series: Series, to text: inout String) {
        switch series {
        case .counter(let counter): text += "\(name)\(Self.text(labels)) \(counter.value)\n"
        case .gauge(let read): text += "\(name)\(Self.text(labels)) \(number(read()))\n"
        case .histogram(let histogram):
            let (counts, sum) = histogram.snapshot
            var total: UInt64 = 0
            for (index, count) in counts.enumerated() {
                total += count
                let bound = index < histogram.bounds.count ? number(histogram.bounds[index]) : "+Inf"
                text += "\(name)_bucket\(Self.text(labels + [("le", bound)])) \(total)\n"
            }
            text += "\(name)_sum\(Self.text(labels)) \(number(sum))\n"
            text += "\(name)_count\(Self.text(labels)) \(total)\n"
        }
    }

    private static func text(_ labels: [(String, String)]) -> String {
        guard !labels.isEmpty else { return "" }
        let parts = labels.map { name, value in
            let escaped = value.flatMap { character -> String in
                switch character {
                case "\\": "\\\\"
                case "\"": "\\\""
                case "\n": "\\n"
                default: String(character)
                }
            }
            return "\(name)=\"\(String(escaped))\""
        }
        return "{" + parts.joined(separator: ",") + "}"
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if value == value.rounded(), abs(value) < 1e15 { return String(Int64(value)) }
        return value.description
    }
}
