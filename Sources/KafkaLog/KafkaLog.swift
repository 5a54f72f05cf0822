internal import CRdkafka
public import EventLog
internal import Synchronization
internal import Threads

/// The log on Apache Kafka, through librdkafka.
///
/// Thread: any.
public final class KafkaLog: EventLog {
    let configuration: KafkaConfiguration
    /// Numbered, so that the end of one that was replaced already replaces nobody.
    private let producer = Mutex<(number: Int, producer: Producer)?>(nil)
    private let made = Atomic(0)
    /// Bytes of a batch; librdkafka's own default, until a topic admits less.
    private let batch = Atomic(1_000_000)
    /// Held while a producer is made for another one's place.
    private let replacing = Mutex(())
    private let limits = Mutex<[String: TopicLimits]>([:])
    private let isClosed = Atomic(false)

    /// A log; it does not wait for the brokers.
    ///
    /// - Parameter configuration: how to reach it.
    /// - Throws: `LogFailure` for a property that librdkafka refuses.
    public init(_ configuration: KafkaConfiguration) throws(LogFailure) {
        self.configuration = configuration
        let first = try makeProducer(batch: batch.load(ordering: .acquiring))
        producer.withLock { $0 = first }
    }

    /// The cluster's id.
    public var identity: String {
        get throws(LogFailure) {
            try current().use { (handle) throws(LogFailure) in
                guard let id = rd_kafka_clusterid(handle, 10_000) else {
                    throw LogFailure(.unreachable, "Kafka: no broker of \(configuration.brokers) answers")
                }
                defer { rd_kafka_mem_free(handle, id) }
                return String(cString: id)
            }
        }
    }

    /// Makes the topics that are missing and reads `max.message.bytes` back; blocks for up to half a minute.
    public func prepare(_ topics: [TopicSpec]) throws(LogFailure) -> [String: TopicLimits] {
        let found = try current().use { (handle) throws(LogFailure) in
            try TopicAdmin(handle: handle).prepare(topics)
        }
        limits.withLock { $0.merge(found) { $1 } }
        if let least = found.values.map(\.maxRecordBytes).min() { try lowerBatches(to: least) }
        return found
    }

    /// Appends one record; the completion is called by the producer's thread, or at once when it is not taken.
    public func append(
        _ record: Record, to topic: String, completion: @escaping @Sendable (Result<Position, LogFailure>) -> Void
    ) {
        do throws(LogFailure) {
            try check(record, topic)
            try current().produce(Pending(record, topic, completion))
        } catch {
            completion(.failure(error))
        }
    }

    /// Asks the brokers whether the topics are there and have a leader for at least one partition.
    ///
    /// Who may not write is told so only when it does.
    ///
    /// Blocks for two seconds a topic at most.
    public func probe(_ topics: [String]) throws(LogFailure) {
        if isClosed.load(ordering: .acquiring) { throw LogFailure(.closed, "the log is closed") }
        try current().use { (handle) throws(LogFailure) in
            for topic in topics { try TopicAdmin(handle: handle).probe(topic) }
        }
    }

    /// Low and high watermarks, within ten seconds; what a transaction has not committed yet lies below the high one, too.
    public func ends(of topic: String) throws(LogFailure) -> [Int32: Range<Int64>] {
        let partitions = try partitions(of: topic)
        return try current().use { (handle) throws(LogFailure) in
            try Watermarks(handle: handle, topic: topic, partitions: partitions).ask()
        }
    }

    /// Begins to read all partitions of a topic.
    public func tail(_ topic: String, from offsets: [Int32: Int64]) throws(LogFailure) -> any LogTail {
        try KafkaTail(configuration, topic, partitions: try partitions(of: topic), from: offsets)
    }

    /// Takes part in a contest: who owns the one partition of the contest's topic leads.
    public func contend(for work: String) throws(LogFailure) -> any Leadership {
        _ = try prepare([TopicSpec(name: KafkaLeadership.topic, partitions: 1, maxRecordBytes: 1 << 20)])
        return try KafkaLeadership(self, work)
    }

    /// Waits for reports and ends the producer.
    ///
    /// Blocks.
    public func close(within deadline: Duration) {
        isClosed.store(true, ordering: .releasing)
        let last = producer.withLock { $0.take() }
        last?.producer.close(within: deadline)
    }

    func check(_ record: Record, _ topic: String) throws(LogFailure) {
        guard let limit = limits.withLock({ $0[topic] }) else {
            throw LogFailure(.topic, "the topic \(topic) was not prepared")
        }
        // What Kafka adds around a record: 61 bytes for the batch, and lengths of variable size (KIP-98).
        let headers = record.headers.reduce(128) { $0 + $1.name.utf8.count + $1.value.count + 16 }
        let size = record.key.count + record.range.count + headers
        guard size <= limit.maxRecordBytes else {
            throw LogFailure(
                .tooLarge,
                "a record of \(size) bytes is over the \(limit.maxRecordBytes) of \(topic)'s max.message.bytes")
        }
    }

    private func partitions(of topic: String) throws(LogFailure) -> Int32 {
        if isClosed.load(ordering: .acquiring) { throw LogFailure(.closed, "the log is closed") }
        guard let limit = limits.withLock({ $0[topic] }) else {
            throw LogFailure(.topic, "the topic \(topic) was not prepared")
        }
        return limit.partitions
    }

    func current() throws(LogFailure) -> Producer {
        guard let current = producer.withLock({ $0?.producer }) else {
            throw isClosed.load(ordering: .acquiring)
                ? LogFailure(.closed, "the log is closed")
                : LogFailure(.unreachable, "Kafka's producer is being replaced")
        }
        return current
    }

    /// Properties of a producer of this log.
    ///
    /// Brokers hold a batch, not a record, against `max.message.bytes`: one that is too large fails all that are in it.
    func bounded(_ properties: [String: String]) -> [String: String] {
        Self.bounded(properties, batch: batch.load(ordering: .acquiring))
    }

    private static func bounded(_ properties: [String: String], batch: Int) -> [String: String] {
        properties.merging(["batch.size": String(batch)]) { $1 }
    }

    private func makeProducer(batch: Int) throws(LogFailure) -> (number: Int, producer: Producer) {
        let number = made.add(1, ordering: .relaxed).newValue
        var properties = Self.bounded(configuration.producer, batch: batch)
        if configuration.onStatistics != nil { properties["statistics.interval.ms"] = "10000" }
        let producer = try Producer(
            configuration, properties, onFatal: { [weak self] in self?.replaceProducer(number) },
            onStatistics: configuration.onStatistics)
        return (number, producer)
    }

    /// A topic admits less than a batch may have: from now on another producer makes smaller ones.
    ///
    /// It takes nothing before the old one has its reports: of an update's chunks a later one, which lands first, would
    /// make readers miss the earlier. What is appended until then is refused, as after a fatal error.
    ///
    /// Blocks.
    func lowerBatches(to bytes: Int) throws(LogFailure) {
        try replacing.withLock { _ throws(LogFailure) in
            guard bytes < batch.load(ordering: .acquiring) else { return }
            let fresh = try makeProducer(batch: bytes)
            batch.store(bytes, ordering: .releasing)
            // Closed, or being replaced: that one will have the new size, too.
            guard let old = producer.withLock({ $0.take() })?.producer else {
                return fresh.producer.close(within: .zero)
            }
            old.close(within: configuration.deliveryTimeout)
            take(fresh)
        }
    }

    /// After a fatal error a producer is of no more use: what it holds fails, and another one takes its place.
    ///
    /// Thread: the old producer's, which must not wait for its own end, or that of a record that it refused.
    private func replaceProducer(_ number: Int) {
        let old = producer.withLock { current -> Producer? in
            guard current?.number == number else { return nil }
            return current.take()?.producer
        }
        guard let old else { return }
        configuration.onLog("the producer met a fatal error and is replaced")
        let thread = DedicatedThread(name: "kafka-replace") { [self] in
            old.close(within: .zero)
            while !isClosed.load(ordering: .acquiring) {
                let isReplaced = replacing.withLock { _ in
                    guard let fresh = try? makeProducer(batch: batch.load(ordering: .acquiring)) else { return false }
                    take(fresh)
                    return true
                }
                if isReplaced { return }
                _ = Monitor(()).wait(within: .seconds(1)) { _ in Optional<Void>.none }
            }
        }
        // There is no thread: the next record that it refuses tries again.
        if thread == nil { producer.withLock { $0 = (number, old) } }
    }

    /// From now on this one is the producer.
    private func take(_ fresh: (number: Int, producer: Producer)) {
        producer.withLock { $0 = fresh }
        // Closed meanwhile: nobody else would end it.
        if isClosed.load(ordering: .acquiring) { producer.withLock { $0.take() }?.producer.close(within: .zero) }
    }
}
