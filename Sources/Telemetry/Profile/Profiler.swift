internal import Synchronization

/// What one kind of work cost so far: times, sizes, ratios, throughput, failures.
///
/// Thread: any; threads that record at the same moment find different places.
public final class ProfiledOperation: Sendable {
    /// What was recorded.
    public struct Summary: Sendable {
        /// Seconds of each call that succeeded.
        public internal(set) var seconds = Moments()
        /// MiB a second of what went in.
        public internal(set) var throughput = Moments()
        /// Size of what went in by the size of what came out.
        public internal(set) var ratio = Moments()
        /// Bytes that went in.
        public internal(set) var bytesIn: UInt64 = 0
        /// Bytes that came out.
        public internal(set) var bytesOut: UInt64 = 0
        /// Calls that failed.
        public internal(set) var failures: UInt64 = 0

        /// The part of all calls that failed, from 0 to 1.
        public var failureRate: Double {
            let calls = seconds.count + failures
            return calls == 0 ? 0 : Double(failures) / Double(calls)
        }

        mutating func merge(_ other: Summary) {
            seconds.merge(other.seconds)
            throughput.merge(other.throughput)
            ratio.merge(other.ratio)
            bytesIn &+= other.bytesIn
            bytesOut &+= other.bytesOut
            failures &+= other.failures
        }
    }

    private final class Place: Sendable {
        let summary = Mutex(Summary())
    }

    /// As reports and labels name it.
    public let name: String
    /// What the reference's profiler would count it as.
    public let group: Profiler.Group
    private let places = (0..<Shard.count).map { _ in Place() }

    init(_ name: String, _ group: Profiler.Group) {
        self.name = name
        self.group = group
    }

    /// Records a call that succeeded.
    ///
    /// - Parameters:
    ///   - duration: how long it took.
    ///   - bytesIn: that went in.
    ///   - bytesOut: that came out, where the relation of both means something.
    public func succeeded(after duration: Duration, bytesIn: Int, bytesOut: Int? = nil) {
        let seconds = duration.inSeconds
        record { summary in
            summary.seconds.add(seconds)
            if seconds > 0, bytesIn > 0 { summary.throughput.add(Double(bytesIn) / 1_048_576 / seconds) }
            summary.bytesIn &+= UInt64(max(0, bytesIn))
            guard let bytesOut else { return }
            summary.bytesOut &+= UInt64(max(0, bytesOut))
            if bytesOut > 0 { summary.ratio.add(Double(bytesIn) / Double(bytesOut)) }
        }
    }

    /// Records a call that failed.
    public func failed() { record { $0.failures &+= 1 } }

    /// All that was recorded.
    public var summary: Summary {
        var whole = Summary()
        for place in places { whole.merge(place.summary.withLock { $0 }) }
        return whole
    }

    /// Tries one place after the other, so that nobody waits for a thread that was put to sleep in the middle.
    private func record(_ body: (inout Summary) -> Void) {
        let first = Shard.mine
        for step in 0..<Shard.count {
            let place = places[(first + step) % Shard.count]
            if place.summary.withLockIfAvailable({ body(&$0) }) != nil { return }
        }
        places[first].summary.withLock { body(&$0) }
    }
}

/// What the work on weights costs, by operation (the reference's profiler).
///
/// Thread: any; operations are made at start.
public final class Profiler: Sendable {
    /// The reference's two kinds of work, and what it has no name for.
    public enum Group: Sendable, Hashable, CaseIterable {
        /// Weights become bytes.
        case serialization
        /// Bytes become weights.
        case deserialization
        /// Anything else.
        case other
    }

    private let known = Mutex<[ProfiledOperation]>([])

    /// A profiler without operations.
    ///
    /// - Parameter registry: gets what the operations cost as metrics, too.
    public init(_ registry: MetricRegistry) {
        func collect(
            _ name: String, _ help: String, _ value: @escaping @Sendable (ProfiledOperation.Summary) -> Double
        ) {
            registry.collect(name, help, .counter) { [self] in
                operations.map { ([("operation", $0.name)], value($0.summary)) }
            }
        }
        collect("fedgate_profile_operations_total", "Operations on weights that succeeded, by operation.") {
            Double($0.seconds.count)
        }
        collect("fedgate_profile_failures_total", "Operations on weights that failed, by operation.") {
            Double($0.failures)
        }
        collect("fedgate_profile_seconds_total", "Time spent in operations on weights, by operation.") {
            $0.seconds.sum
        }
        collect("fedgate_profile_input_bytes_total", "Bytes that went into operations on weights.") {
            Double($0.bytesIn)
        }
        collect("fedgate_profile_output_bytes_total", "Bytes that came out of them, where that differs.") {
            Double($0.bytesOut)
        }
    }

    /// An operation; the one of before when the name is known.
    ///
    /// - Parameters:
    ///   - name: from a bounded set; becomes a label.
    ///   - group: what the reference's profiler would count it as.
    public func operation(_ name: String, _ group: Group = .other) -> ProfiledOperation {
        known.withLock { known in
            if let operation = known.first(where: { $0.name == name }) { return operation }
            let operation = ProfiledOperation(name, group)
            known.append(operation)
            return operation
        }
    }

    /// All of them, in the order in which they were made.
    public var operations: [ProfiledOperation] { known.withLock { $0 } }
}
