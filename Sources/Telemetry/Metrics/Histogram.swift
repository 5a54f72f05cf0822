internal import Synchronization

/// How values are spread, in buckets with upper bounds.
///
/// A value costs two relaxed atomic additions on memory that few threads share, and no lock.
///
/// Thread: any.
public final class Histogram: Sendable {
    /// Upper bounds, ascending; the bucket for all larger values has none.
    public let bounds: [Double]

    /// Of each shard the buckets, then the sum's bits; padded to whole cache lines.
    ///
    /// Unsafe: allocated for the histogram's life, touched by atomic operations only.
    private nonisolated(unsafe) let cells: UnsafeMutablePointer<Atomic<UInt64>>
    private let stride: Int

    /// A histogram without values.
    ///
    /// - Parameter bounds: upper bounds, ascending.
    public init(bounds: [Double]) {
        self.bounds = bounds
        stride = (bounds.count + 2 + 7) / 8 * 8
        cells = .allocate(capacity: stride * Shard.count)
        for index in 0..<stride * Shard.count { (cells + index).initialize(to: Atomic(0)) }
    }

    deinit {
        cells.deinitialize(count: stride * Shard.count)
        cells.deallocate()
    }

    /// Counts one value.
    ///
    /// - Parameter value: in the metric's unit.
    public func observe(_ value: Double) {
        var bucket = 0
        while bucket < bounds.count, value > bounds[bucket] { bucket += 1 }
        let shard = cells + Shard.mine * stride
        shard[bucket].wrappingAdd(1, ordering: .relaxed)
        let sum = shard + (bounds.count + 1)
        var old = sum.pointee.load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: old) + value).bitPattern
            let (done, found) = sum.pointee.weakCompareExchange(expected: old, desired: new, ordering: .relaxed)
            if done { return }
            old = found
        }
    }

    /// Counts one duration, in seconds.
    ///
    /// - Parameter duration: the value.
    public func observe(_ duration: Duration) { observe(duration.inSeconds) }

    /// The values in each bucket, and the sum of all.
    var snapshot: (counts: [UInt64], sum: Double) {
        var counts = [UInt64](repeating: 0, count: bounds.count + 1)
        var sum = 0.0
        for shard in 0..<Shard.count {
            let cells = cells + shard * stride
            for bucket in counts.indices { counts[bucket] += cells[bucket].load(ordering: .relaxed) }
            sum += Double(bitPattern: cells[bounds.count + 1].load(ordering: .relaxed))
        }
        return (counts, sum)
    }
}

extension Duration {
    /// As a number of seconds.
    public var inSeconds: Double { self / .seconds(1) }
}
