/// Properties of librdkafka that pass through: `kafka.librdkafka.*` in a file, `FEDGATE_KAFKA_LIBRDKAFKA_…` in the environment.
public enum Passthrough {
    static let prefix = "kafka.librdkafka."
    private static let variablePrefix = "FEDGATE_KAFKA_LIBRDKAFKA_"

    /// Those that decide about what is lost or read twice, and why they are not to be had.
    static let fixed: [String: String] = [
        "bootstrap.servers": "it is kafka.bootstrap_servers",
        "metadata.broker.list": "it is kafka.bootstrap_servers",
        "message.timeout.ms": "it is communication.message_timeout",
        "delivery.timeout.ms": "it is communication.message_timeout",
        "acks": "only what all replicas in sync have is acknowledged to clients",
        "request.required.acks": "only what all replicas in sync have is acknowledged to clients",
        "enable.idempotence": "without it records would come twice after a retry",
        "transactional.id": "it is what fences an aggregator that has lost its place",
        "isolation.level": "what was not committed must not be read",
        "enable.auto.commit": "positions are kept with what was made of the records",
        "enable.auto.offset.store": "positions are kept with what was made of the records",
        "enable.partition.eof": "it tells a reader that it has seen everything",
        "auto.offset.reset": "positions are kept with what was made of the records",
        "group.id": "each reader reads all partitions by itself",
        "partitioner": "all updates of a client have to lie in the partition where Java's clients look for them",
    ]

    static func property(ofKey key: String) -> String? {
        key.hasPrefix(prefix) ? String(key.dropFirst(prefix.count)) : nil
    }

    /// `FEDGATE_KAFKA_LIBRDKAFKA_SASL_PASSWORD` is `sasl.password`: librdkafka's names have dots, but for one.
    static func property(ofVariable name: String) -> String? {
        guard name.hasPrefix(variablePrefix) else { return nil }
        let words = name.dropFirst(variablePrefix.count).lowercased()
        return words == "log_level" ? words : words.replacing("_", with: ".")
    }

    /// Whether the value must not be shown.
    public static func isSecret(_ property: String) -> Bool {
        ["password", "secret", "jaas", "key.pem", "token", "sasl.oauthbearer.config"].contains { property.contains($0) }
    }
}
