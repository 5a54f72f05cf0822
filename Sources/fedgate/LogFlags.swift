internal import Aggregation
internal import Compression
internal import Envelopes
internal import EventLog
internal import Flags
internal import KafkaLog
internal import SQLiteLog
internal import Telemetry

/// Which log, and how records are written to it.
struct LogFlags: Sendable {
    static let all = [
        Flag(
            "--kafka", .value("HOST:PORT,…"), "use Kafka at these brokers; without it the log is in --data",
            key: "kafka.brokers"),
        Flag(
            "--envelope", .value("json|binary"), "around messages (json on Kafka, binary on the embedded log)",
            key: "kafka.envelope"),
        Flag(
            "--compression", .value("none|gzip|zstd|lz4|auto"), "of weights on the log (none); auto looks at each",
            key: "serialization.compression"),
        Flag(
            "--chunk-size", .value("BYTES"), "of the chunks of what is too large for one record (1MiB)",
            key: "serialization.chunk_size"),
    ]

    static let level = Flag("--log-level", .value("LEVEL"), "debug, info, warning or error (info)", key: "log.level")

    let kafka: String?
    let envelope: EnvelopeKind
    let compression: CompressionPolicy
    let chunkSize: Int

    init(_ arguments: Arguments) throws(UsageFailure) {
        kafka = arguments["--kafka"]
        let envelope = try arguments.choice("--envelope", EnvelopeKind.allCases.map(\.rawValue))
        self.envelope = envelope.flatMap { EnvelopeKind(rawValue: $0) } ?? (kafka == nil ? .binary : .json)
        let compression = try arguments.choice("--compression", CompressionPolicy.names)
        self.compression = compression.flatMap { CompressionPolicy(name: $0) } ?? .fixed(.none)
        chunkSize = try arguments.bytes("--chunk-size", or: 1 << 20)
        guard (64 << 10)...Topics.maxRecordBytes ~= chunkSize else {
            throw UsageFailure("--chunk-size has to be from 64KiB to 16MiB, not \(chunkSize) bytes")
        }
    }

    func open(
        directory: String, _ logger: Logger, _ registry: MetricRegistry = MetricRegistry()
    ) throws(LogFailure) -> any EventLog {
        guard let kafka else {
            return try SQLiteLog(directory: directory + "/log", maxRecordBytes: Topics.maxRecordBytes)
        }
        var configuration = KafkaConfiguration(brokers: kafka, maxRecordBytes: Topics.maxRecordBytes)
        configuration.onLog = { logger.warning("kafka: \($0)") }
        let statistics = KafkaMetrics(registry)
        configuration.onStatistics = { statistics.take($0) }
        return try KafkaLog(configuration)
    }
}

/// When rounds close.
struct RoundFlags: Sendable {
    static let all = [
        Flag(
            "--min-updates", .value("N"), "a round closes when so many clients have reported (2)",
            key: "aggregation.min_updates"),
        Flag(
            "--round-deadline", .value("SECONDS"), "or so long after its first update (never)",
            key: "aggregation.round_deadline"),
    ]

    let policy: ClosingPolicy

    init(_ arguments: Arguments) throws(UsageFailure) {
        policy = ClosingPolicy(
            minUpdates: try arguments.integer("--min-updates", in: 1...1_000_000, or: 2),
            roundDeadline: try arguments.seconds("--round-deadline"))
    }
}
