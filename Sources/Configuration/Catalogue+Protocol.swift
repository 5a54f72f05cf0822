/// The sections that the protocol's own configuration file has: kafka, serialization, communication, performance, security and
/// privacy.
///
/// Of what it knows and fedgate does not do, each says what happens instead.
extension Catalogue {
    /// `host:port`; none means the embedded log.
    public static let brokers = Key<[String]>.list(
        "kafka.bootstrap_servers", [], as: "HOST:PORT", otherwise: "the log is embedded, in storage.data",
        flag: "--kafka", "use Kafka at these brokers")
    /// Around messages.
    public static let envelope = Key<String?>.choice(
        "kafka.envelope", of: ["json", "binary"], otherwise: "json on Kafka, binary on the embedded log",
        flag: "--envelope", "around messages")
    /// Bytes of the largest record.
    public static let maxMessageSize = Key<Int>.bytes(
        "kafka.max_message_size", 16 << 20, in: (256 << 10)...(64 << 20),
        "largest record, where the topic's max.message.bytes admits no less; what is larger goes in chunks")
    private static let updatesTopic = fixedTopic("weight_updates", "federated_weight_updates", "of updates")
    private static let resultsTopic = fixedTopic("aggregation_results", "federated_aggregation_results", "of results")

    static let kafka = [
        brokers.setting, envelope.setting, maxMessageSize.setting, updatesTopic.setting, resultsTopic.setting,
    ]

    private static func fixedTopic(_ name: String, _ topic: String, _ what: String) -> Key<String> {
        .choice("kafka.topics.\(name)", topic, of: [topic], "the topic \(what); it cannot be another one")
    }

    private static let format = Key<String>.choice(
        "serialization.default_format", "binary_custom", of: ["binary_custom"],
        "of weights on the log; clients send and get whichever they like")
    /// How weights are compressed.
    public static let compression = Key<String>.choice(
        "serialization.default_compression", "none", of: ["none", "gzip", "zstd", "lz4", "auto"], flag: "--compression",
        "of weights on the log; auto looks at each")
    /// The codec's level.
    public static let compressionLevel = Key<Int?>.integer(
        "serialization.compression_level", in: 1...19, otherwise: "the codec's own",
        "gzip: 1 to 9, zstd: 1 to 19, lz4: 1 to 12; auto chooses its own")
    /// Bytes of a chunk.
    public static let chunkSize = Key<Int>.bytes(
        "serialization.chunk_size", 1 << 20, in: (64 << 10)...(16 << 20), flag: "--chunk-size",
        "of the chunks of what is too large for one record")
    /// How results hold arrays that are mostly zero.
    public static let sparseEncoding = Key<String>.choice(
        "serialization.sparse_encoding", "pickle", of: ["pickle", "coo", "never"],
        "of a result's arrays that are more than nine tenths zero: pickle, as the protocol's first readers take it, coo, "
            + "which needs no unpickling, or never")
    private static let validatesOutput = Key<Bool>.toggle(
        "serialization.validate_on_serialize", true,
        remarks: [warns("what is published is always checked, which costs nothing beside its digest", on: ["false"])],
        "check what is published")
    private static let validatesInput = Key<Bool>.toggle(
        "serialization.validate_on_deserialize", true,
        remarks: [warns("uploads and records are always checked: nothing else keeps wrong bytes out", on: ["false"])],
        "check what comes")
    private static let chunks = Key<Bool>.toggle(
        "serialization.enable_chunking", true,
        remarks: [
            warns("what is too large for one record goes in chunks all the same, or it would be lost", on: ["false"])
        ],
        "cut what is too large for one record")

    static let serialization = [
        format.setting, compression.setting, compressionLevel.setting, sparseEncoding.setting, validatesOutput.setting,
        validatesInput.setting,
        chunks.setting, chunkSize.setting,
    ]

    /// Milliseconds.
    public static let messageTimeout = Key<Double>.number(
        "communication.message_timeout", 30_000, in: 1000...900_000, unit: "milliseconds",
        "after which a record without acknowledgement has failed")
    /// Of small messages.
    public static let maxRetries = Key<Int>.integer(
        "communication.max_retries", 3, in: 0...100,
        "how often a command, status or report is appended again that the log did not take")
    private static let differences = Key<Bool>.toggle(
        "communication.enable_differential_updates", false,
        remarks: [
            warns(
                "differences between models are not computed yet: whole models are sent and kept instead", on: ["true"])
        ], "send differences to the last model")
    private static let threshold = Key<Double>.number(
        "communication.compression_threshold", 0.1, in: 0...1, unit: "of the size",
        remarks: [
            warns(
                "it is not used: serialization.default_compression auto weighs what is saved against the time it takes")
        ], "what compression has to save")

    static let communication = [
        messageTimeout.setting, maxRetries.setting, differences.setting, threshold.setting,
    ]

    private static let profiling = Key<Bool>.toggle(
        "performance.enable_profiling", true,
        remarks: [warns("operations are always measured, at some 50 ns each; see /profile", on: ["false"])],
        "measure operations, for /profile")
    private static let profilingInterval = Key<Int>.integer(
        "performance.profiling_interval", 100, in: 1...Int.max,
        remarks: [warns("measurements are not written to the log: ask /profile and /metrics for them at any time")],
        "after how many operations to log the measurements")
    private static let maxSerializationTime = Key<Double>.number(
        "performance.max_serialization_time", 30, in: 0...86_400, unit: "seconds",
        remarks: [warns("no operation is broken off for its time; put an alert on fedgate_request_duration_seconds")],
        "what an operation may take")

    static let performance = [profiling.setting, profilingInterval.setting, maxSerializationTime.setting]

    private static let encryption = Key<Bool>.toggle(
        "security.encryption_enabled", false,
        remarks: [
            refuses(
                "payloads are not encrypted yet, and must not be taken for it: set false, and use TLS to clients and brokers",
                on: ["true"])
        ], "encrypt payloads")
    private static let encryptionAlgorithm = Key<String>.text(
        "security.encryption_algorithm", "fernet", as: "a name", "of no effect while encryption is off")
    private static let keyRotation = Key<Double>.number(
        "security.key_rotation_interval", 86_400, in: 0...Double.greatestFiniteMagnitude, unit: "seconds",
        "of no effect while encryption is off")

    static let security = [encryption.setting, encryptionAlgorithm.setting, keyRotation.setting]

    private static let differentialPrivacy = Key<Bool>.toggle(
        "privacy.differential_privacy_enabled", false,
        remarks: [
            refuses(
                "no noise is added yet, and results must not be taken for private: set false, or add it in the clients",
                on: ["true"])
        ], "add noise to results")
    private static let privacyBudget = Key<Double>.number(
        "privacy.privacy_budget", 1, in: 0...Double.greatestFiniteMagnitude, unit: "of epsilon",
        "of no effect while differential privacy is off")
    private static let noise = Key<String>.text(
        "privacy.noise_mechanism", "laplace", as: "a name", "of no effect while differential privacy is off")

    static let privacy = [differentialPrivacy.setting, privacyBudget.setting, noise.setting]
}
