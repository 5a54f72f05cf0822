internal import Aggregation
internal import Compression
internal import Configuration
internal import Envelopes
internal import EventLog
internal import KafkaLog
internal import SQLiteLog
internal import Telemetry
internal import WeightFormats

/// Which log, and how records are written to it.
struct LogSettings: Sendable {
    /// The flags of both programs that use a log.
    static let flags = [
        Catalogue.brokers.setting, Catalogue.envelope.setting, Catalogue.compression.setting,
        Catalogue.chunkSize.setting,
    ].compactMap(\.asFlag)

    /// Nil for the embedded log.
    let kafka: KafkaConfiguration?
    let envelope: EnvelopeKind
    let compression: CompressionPolicy
    let sparse: SparseEncoding
    let chunkSize: Int
    let maxRecordBytes: Int

    init(_ settings: Settings) {
        let brokers = settings[Catalogue.brokers].joined(separator: ",")
        maxRecordBytes = settings[Catalogue.maxMessageSize]
        var kafka = KafkaConfiguration(
            brokers: brokers, properties: settings.properties.mapValues(\.text), maxRecordBytes: maxRecordBytes)
        kafka.deliveryTimeout = .milliseconds(Int64(settings[Catalogue.messageTimeout]))
        self.kafka = brokers.isEmpty ? nil : kafka
        envelope =
            settings[Catalogue.envelope].flatMap { EnvelopeKind(rawValue: $0) } ?? (brokers.isEmpty ? .binary : .json)
        let policy = CompressionPolicy(name: settings[Catalogue.compression]) ?? .fixed(.none)
        compression = policy.at(level: settings[Catalogue.compressionLevel])
        sparse = SparseEncoding(rawValue: settings[Catalogue.sparseEncoding]) ?? .pickle
        chunkSize = settings[Catalogue.chunkSize]
    }

    var results: ResultForm { ResultForm(envelope: envelope, compression: compression, sparse: sparse) }

    func open(
        directory: String, _ logger: Logger, _ registry: MetricRegistry = MetricRegistry()
    ) throws(LogFailure) -> any EventLog {
        guard var kafka else {
            return try SQLiteLog(directory: directory + "/log", maxRecordBytes: maxRecordBytes)
        }
        let advice = kafka.scramAdvice
        if let advice { logger.warning("kafka: \(advice)") }
        kafka.onLog = { line in
            logger.warning("kafka: \(line)")
            if let advice, KafkaConfiguration.isAuthenticationFailure(line) { logger.warning("kafka: \(advice)") }
        }
        let statistics = KafkaMetrics(registry)
        kafka.onStatistics = { statistics.take($0) }
        return try KafkaLog(kafka)
    }
}

/// When rounds close.
struct RoundSettings: Sendable {
    static let flags = [Catalogue.minUpdates.setting, Catalogue.roundDeadline.setting].compactMap(\.asFlag)

    let policy: ClosingPolicy

    init(_ settings: Settings) {
        policy = ClosingPolicy(
            minUpdates: settings[Catalogue.minUpdates], roundDeadline: settings[Catalogue.roundDeadline])
    }
}
