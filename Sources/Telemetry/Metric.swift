internal import Synchronization

/// A number that only grows.
///
/// Thread: any.
public final class Counter: Sendable {
    private let total = Atomic<UInt64>(0)

    /// A counter at nought, that no registry knows.
    public init() {}

    /// Grows.
    ///
    /// - Parameter count: by how much.
    public func add(_ count: UInt64 = 1) { total.wrappingAdd(count, ordering: .relaxed) }

    /// What was counted so far.
    public var value: UInt64 { total.load(ordering: .relaxed) }
}

/// How values are spread, in buckets with upper bounds.
///
/// Thread: any; the lock is held for a few additions.
public final class Histogram: Sendable {
    private struct State {
        var counts: [UInt64]
        var sum = 0.0
    }

    /// Upper bounds, ascending; the bucket for all larger values has none.
    public let bounds: [Double]
    private let state: Mutex<State>

    /// A histogram without values.
    ///
    /// - Parameter bounds: upper bounds, ascending.
    public init(bounds: [Double]) {
        self.bounds = bounds
        state = Mutex(State(counts: [UInt64](repeating: 0, count: bounds.count + 1)))
    }

    /// Counts one value.
    ///
    /// - Parameter value: in the metric's unit.
    public func observe(_ value: Double) {
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        state.withLock { state in
            state.counts[bucket] += 1
            state.sum += value
        }
    }

    /// Counts one duration, in seconds.
    ///
    /// - Parameter duration: the value.
    public func observe(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        observe(Double(seconds) + Double(attoseconds) * 1e-18)
    }

    /// The values in each bucket, and the sum of all.
    var snapshot: (counts: [UInt64], sum: Double) { state.withLock { ($0.counts, $0.sum) } }
}
