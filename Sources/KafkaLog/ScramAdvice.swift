internal import CRdkafka
public import EventLog

/// The one mechanism that a common version of librdkafka gets wrong.
extension KafkaConfiguration {
    /// What to say when SCRAM is asked of a librdkafka that cannot do it with current brokers; nil when all is well.
    ///
    /// Before 2.6.1 it sends the client's nonce twice, which Kafka refuses since 3.8.1 (librdkafka #4895).
    public var scramAdvice: String? { scramAdvice(of: rd_kafka_version(), String(cString: rd_kafka_version_str())) }

    func scramAdvice(of version: Int32, _ name: String) -> String? {
        let mechanism = properties["sasl.mechanisms"] ?? properties["sasl.mechanism"] ?? ""
        guard mechanism.hasPrefix("SCRAM"), version < 0x0206_01FF else { return nil }
        return """
            \(mechanism) does not work from librdkafka \(name) to Kafka 3.8.1 and later, 4.x included: the broker says "invalid \
            credentials" although they are right. Use librdkafka 2.6.1 or later (Debian 13 has 2.8.0, and the container image of \
            fedgate too), or PLAIN over TLS, or client certificates
            """
    }

    /// Whether a line of librdkafka's says that a broker did not take who we are.
    public static func isAuthenticationFailure(_ line: String) -> Bool {
        let line = line.lowercased()
        return line.contains("authentication") && line.contains("fail") || line.contains("invalid credentials")
    }

    /// Says whether librdkafka takes the properties, without reaching for a broker.
    ///
    /// - Throws: `LogFailure` that names the property.
    public func check() throws(LogFailure) { rd_kafka_conf_destroy(try make(producer)) }
}
