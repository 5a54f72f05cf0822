internal import Synchronization

/// All metrics of a process.
///
/// Label values are fixed when a metric is made, or come from a collector that knows a bounded set of them; nothing that a
/// client says becomes one. docs/metrics.md lists what the program has.
///
/// Thread: any; metrics are made at start.
public final class MetricRegistry: Sendable {
    /// Names and values of labels, in their order.
    public typealias Labels = [(String, String)]

    /// What kind of number a metric is.
    public enum Kind: String, Sendable {
        /// Only grows; the name ends with `_total`.
        case counter
        /// Goes up and down.
        case gauge
        /// Buckets.
        case histogram
    }

    enum Series: Sendable {
        case counter(Counter)
        case gauge(@Sendable () -> Double)
        case histogram(Histogram)
    }

    struct Family: Sendable {
        let name: String
        let help: String
        let kind: Kind
        var series: [(labels: Labels, series: Series)] = []
        var collectors: [@Sendable () -> [(Labels, Double)]] = []
    }

    private let known = Mutex<(names: [String], byName: [String: Family])>(([], [:]))

    /// A registry without metrics.
    public init() {}

    /// Makes a counter.
    ///
    /// - Parameters:
    ///   - name: ends with `_total`.
    ///   - help: one line.
    ///   - labels: names and values, fixed.
    public func counter(_ name: String, _ help: String, _ labels: Labels = []) -> Counter {
        let counter = Counter()
        change(name, help, .counter) { $0.series.append((labels, .counter(counter))) }
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
        _ name: String, _ help: String, _ labels: Labels = [], read: @escaping @Sendable () -> Double
    ) {
        change(name, help, .gauge) { $0.series.append((labels, .gauge(read))) }
    }

    /// Makes a histogram.
    ///
    /// - Parameters:
    ///   - name: with its unit.
    ///   - help: one line.
    ///   - bounds: upper bounds, ascending.
    ///   - labels: names and values, fixed.
    public func histogram(
        _ name: String, _ help: String, bounds: [Double], _ labels: Labels = []
    ) -> Histogram {
        let histogram = Histogram(bounds: bounds)
        change(name, help, .histogram) { $0.series.append((labels, .histogram(histogram))) }
        return histogram
    }

    /// Has a metric collected that keeps its numbers elsewhere, such as by route or by broker.
    ///
    /// - Parameters:
    ///   - name: with its unit; of a counter it ends with `_total`.
    ///   - help: one line.
    ///   - kind: counter or gauge.
    ///   - collect: labels and values, from a bounded set; any thread, must not block.
    public func collect(
        _ name: String, _ help: String, _ kind: Kind, _ collect: @escaping @Sendable () -> [(Labels, Double)]
    ) {
        change(name, help, kind) { $0.collectors.append(collect) }
    }

    private func change(_ name: String, _ help: String, _ kind: Kind, _ body: (inout Family) -> Void) {
        known.withLock { known in
            if known.byName[name] == nil { known.names.append(name) }
            body(&known.byName[name, default: Family(name: name, help: help, kind: kind)])
        }
    }

    /// In the order in which they were made.
    var families: [Family] {
        let (names, byName) = known.withLock { ($0.names, $0.byName) }
        return names.compactMap { byName[$0] }
    }
}
