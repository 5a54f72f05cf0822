public import EventLog
internal import Synchronization
public import Telemetry

/// A log that is measured: how long records take, how many are on their way, what became of them.
///
/// Thread: any.
public final class MeteredLog: EventLog {
    private let log: any EventLog
    private let delivery: [String: Histogram]
    private let acknowledged: Counter
    private let bytes: Counter
    private let failed: Counter
    private let underWay = Gauge()
    private let failedBefore = Atomic<UInt64>(0)
    private let evidence = Mutex(Evidence())

    /// What appending has shown lately.
    struct Evidence {
        var lastSuccess: ContinuousClock.Instant?
        /// The topic is missing or may not be written, and nothing was stored since.
        var refusal: (reason: String, at: ContinuousClock.Instant)?
    }

    /// A measured log.
    ///
    /// - Parameters:
    ///   - log: does the work.
    ///   - topics: those of the protocol; each is a label.
    ///   - registry: gets the metrics.
    public init(_ log: any EventLog, topics: [String], _ registry: MetricRegistry) {
        self.log = log
        func histogram(_ topic: String) -> Histogram {
            registry.histogram(
                "fedgate_delivery_duration_seconds", "From a record's hand-over to the log's answer.",
                bounds: GatewayMetrics.seconds, [("topic", topic)])
        }
        delivery = Dictionary((topics + ["other"]).map { ($0, histogram($0)) }) { $1 }
        acknowledged = registry.counter("fedgate_log_records_total", "Records that the log has acknowledged.")
        bytes = registry.counter("fedgate_log_record_bytes_total", "Bytes of the values of those records.")
        failed = registry.counter(
            "fedgate_log_failures_total", "Records that the log has not taken, or did not acknowledge in time.")
        registry.gauge("fedgate_log_records_in_flight", "Records that wait for the log's answer.") {
            [underWay] in Double(underWay.value)
        }
    }

    /// Records that were under way or came since `beginEnd` and are not acknowledged.
    ///
    /// What failed before was answered long ago, and is nothing that the end has lost.
    public var undelivered: Int {
        Int(clamping: failed.value - failedBefore.load(ordering: .relaxed)) + underWay.value
    }

    /// Says that the process ends.
    public func beginEnd() { failedBefore.store(failed.value, ordering: .relaxed) }

    var recent: Evidence { evidence.withLock { $0 } }

    /// Appends one record and measures it.
    public func append(
        _ record: Record, to topic: String, completion: @escaping @Sendable (Result<Position, LogFailure>) -> Void
    ) {
        let started = ContinuousClock.now
        let size = record.range.count
        underWay.add(1)
        log.append(record, to: topic) { [self] result in
            let now = ContinuousClock.now
            (delivery[topic] ?? delivery["other"])?.observe(now - started)
            underWay.add(-1)
            note(result, size, at: now)
            completion(result)
        }
    }

    private func note(_ result: Result<Position, LogFailure>, _ size: Int, at now: ContinuousClock.Instant) {
        switch result {
        case .success:
            acknowledged.add()
            bytes.add(UInt64(size))
            // Evidence is a matter of seconds: who finds another at it leaves it to that one.
            evidence.withLockIfAvailable { evidence in
                evidence.lastSuccess = now
                evidence.refusal = nil
            }
        case .failure(let failure):
            failed.add()
            if failure.kind == .topic { evidence.withLock { $0.refusal = (failure.reason, now) } }
        }
    }

    /// The log's identity.
    public var identity: String { get throws(LogFailure) { try log.identity } }

    /// Makes sure that the topics exist.
    public func prepare(_ topics: [TopicSpec]) throws(LogFailure) -> [String: TopicLimits] { try log.prepare(topics) }

    /// Whether a record could be appended now.
    public func probe(_ topics: [String]) throws(LogFailure) { try log.probe(topics) }

    /// First and next offsets.
    public func ends(of topic: String) throws(LogFailure) -> [Int32: Range<Int64>] { try log.ends(of: topic) }

    /// Begins to read a topic.
    public func tail(_ topic: String, from offsets: [Int32: Int64]) throws(LogFailure) -> any LogTail {
        try log.tail(topic, from: offsets)
    }

    /// Takes part in a contest.
    public func contend(for work: String) throws(LogFailure) -> any Leadership { try log.contend(for: work) }

    /// Finishes what was appended and releases the log.
    public func close(within deadline: Duration) { log.close(within: deadline) }
}
