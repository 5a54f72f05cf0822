internal import CRdkafka
internal import EventLog

/// How to reach Kafka and how to treat it.
public struct KafkaConfiguration: Sendable {
    /// `host:port`, several with commas.
    public var brokers: String
    /// Properties of librdkafka, passed through; they overrule the ones set here.
    public var properties: [String: String]
    /// After this time without an acknowledgement a record has failed or its outcome is unknown.
    public var deliveryTimeout: Duration = .seconds(30)
    /// Bytes of the largest record that is read or written.
    public var maxRecordBytes: Int
    /// Gets what librdkafka has to say; any thread.
    public var onLog: @Sendable (String) -> Void = { _ in }

    /// Gets librdkafka's statistics of the producer, a JSON object, every ten seconds; the producer's thread.
    public var onStatistics: (@Sendable (UnsafeRawBufferPointer) -> Void)?

    /// A configuration.
    ///
    /// - Parameters:
    ///   - brokers: `host:port`, several with commas.
    ///   - properties: of librdkafka.
    ///   - maxRecordBytes: of the largest record.
    public init(brokers: String, properties: [String: String] = [:], maxRecordBytes: Int) {
        self.brokers = brokers
        self.properties = properties
        self.maxRecordBytes = maxRecordBytes
    }

    /// What all clients have in common.
    private var common: [String: String] {
        [
            "bootstrap.servers": brokers, "client.id": "fedgate", "socket.nagle.disable": "true",
            // Batches add a little around the record.
            "message.max.bytes": String(maxRecordBytes + (64 << 10)), "reconnect.backoff.max.ms": "2000",
        ]
    }

    /// One idempotent producer for everything: acknowledged by all replicas in sync, uncompressed since the packages are
    /// compressed already, and partitioned as Java's clients do it.
    ///
    /// A record waits a millisecond for others: without that, small ones go out one by one, and librdkafka's broker
    /// thread, which polls without rest once five requests are on their way, takes a third of the CPU (measured at
    /// 10 KB on 64 connections: 7.0 CPU-s/GB and 151 MB/s without, 4.5 and 250 with it).
    var producer: [String: String] {
        common.merging([
            // For the question where a partition ends: what transactions have not committed yet counts, or a reader that
            // goes up to the end would miss what was published a moment ago. librdkafka warns that producers do not
            // read (`onLog` leaves that out), but the question uses it all the same.
            "isolation.level": "read_uncommitted",
            "enable.idempotence": "true", "acks": "all", "linger.ms": "1", "compression.codec": "none",
            "partitioner": "murmur2_random", "message.timeout.ms": String(deliveryTimeout.components.seconds * 1000),
        ]) { $1 }
    }

    /// Its transactions fence those of whoever had the same id before.
    func transactional(id: String) -> [String: String] {
        producer.merging(["transactional.id": id, "transaction.timeout.ms": "20000", "message.timeout.ms": "15000"]) {
            $1
        }
    }

    /// Reads what transactions have committed, from where it is told, without a group.
    var tail: [String: String] {
        common.merging([
            "group.id": "fedgate-tail", "enable.auto.commit": "false", "enable.partition.eof": "true",
            "isolation.level": "read_committed", "auto.offset.reset": "earliest", "check.crcs": "true",
            "queued.max.messages.kbytes": "16384", "fetch.wait.max.ms": "100",
            "receive.message.max.bytes": String(max(4 * maxRecordBytes, 64 << 20)),
        ]) { $1 }
    }

    /// A member of a group whose one partition belongs to one of its members.
    func member(of group: String) -> [String: String] {
        common.merging([
            "group.id": group, "enable.auto.commit": "false", "session.timeout.ms": "10000",
            "heartbeat.interval.ms": "2000",
            "partition.assignment.strategy": "range", "auto.offset.reset": "latest",
        ]) { $1 }
    }

    /// Makes librdkafka's configuration; who gets it owns it.
    func make(_ standard: [String: String]) throws(LogFailure) -> OpaquePointer {
        guard let conf = rd_kafka_conf_new() else { throw LogFailure(.unreachable, "no memory for Kafka's client") }
        var reason = [CChar](repeating: 0, count: 512)
        for (name, value) in standard.merging(properties, uniquingKeysWith: { $1 }).sorted(by: { $0.key < $1.key }) {
            // A property of producers is none of consumers, and the other way round: librdkafka only warns of it.
            guard rd_kafka_conf_set(conf, name, value, &reason, reason.count) == RD_KAFKA_CONF_OK else {
                rd_kafka_conf_destroy(conf)
                // The reason names the property; a value may be a secret and is not repeated.
                throw LogFailure(.unreachable, "Kafka property \(name) cannot be set: \(Self.safe(reason, value))")
            }
        }
        return conf
    }

    private static func safe(_ reason: [CChar], _ value: String) -> String {
        let bytes = reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        let text = String(decoding: bytes, as: UTF8.self)
        return value.isEmpty ? text : text.replacing(value, with: "***")
    }
}
