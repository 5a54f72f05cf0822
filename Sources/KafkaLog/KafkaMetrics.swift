internal import Synchronization
public import Telemetry
internal import WireJSON

/// librdkafka's own statistics of the producer, as metrics.
///
/// Their only label from outside is a broker's number, of which a cluster has few.
///
/// Thread: any.
public final class KafkaMetrics: Sendable {
    /// More brokers than that are not shown, so that a broken answer cannot fill the memory.
    private static let mostBrokers = 256

    private struct Broker {
        let id: String
        let members: [String: JSONValue]
    }

    private struct Snapshot {
        var top: [String: JSONValue] = [:]
        var brokers: [Broker] = []
    }

    private let latest = Mutex(Snapshot())

    /// Makes the metrics; they have no values until the first statistics came.
    ///
    /// - Parameter registry: gets them.
    public init(_ registry: MetricRegistry) {
        func top(
            _ name: String, _ help: String, _ key: String, _ kind: MetricRegistry.Kind = .gauge, scale: Double = 1
        ) {
            registry.collect(name, help, kind) { [self] in
                latest.withLock { $0.top[key]?.doubleValue }.map { [([], $0 * scale)] } ?? []
            }
        }
        func broker(
            _ name: String, _ help: String, _ kind: MetricRegistry.Kind = .gauge,
            _ value: @escaping @Sendable ([String: JSONValue]) -> Double?
        ) {
            registry.collect(name, help, kind) { [self] in
                latest.withLock { $0.brokers }.compactMap { broker in
                    value(broker.members).map { ([("broker", broker.id)], $0) }
                }
            }
        }
        top("fedgate_kafka_queue_messages", "Records in librdkafka's queue or on their way.", "msg_cnt")
        top("fedgate_kafka_queue_bytes", "Bytes of those records.", "msg_size")
        top("fedgate_kafka_queue_limit_messages", "Records that the queue takes.", "msg_max")
        top("fedgate_kafka_queue_limit_bytes", "Bytes that the queue takes.", "msg_size_max")
        top("fedgate_kafka_sent_bytes_total", "Bytes sent to brokers.", "tx_bytes", .counter)
        top("fedgate_kafka_received_bytes_total", "Bytes received from brokers.", "rx_bytes", .counter)
        broker(
            "fedgate_kafka_broker_up", "1 where the connection to the broker stands, 0 where it does not come about."
        ) {
            // A broker of which nothing is wanted has no connection, and none is missing.
            $0["state"]?.stringValue.flatMap { $0 == "INIT" ? nil : $0 == "UP" ? 1 : 0 }
        }
        broker("fedgate_kafka_broker_requests_in_flight", "Requests that wait for the broker's answer.") {
            $0["waitresp_cnt"]?.doubleValue
        }
        broker("fedgate_kafka_broker_requests_queued", "Requests that wait to be sent.") {
            $0["outbuf_cnt"]?.doubleValue
        }
        for (name, key, part) in [("mean", "avg", "mean"), ("p99", "p99", "99th percentile")] {
            broker("fedgate_kafka_broker_rtt_\(name)_seconds", "Round trips of ten seconds to the broker, \(part).") {
                $0["rtt"]?.objectValue?[key]?.doubleValue.map { $0 / 1e6 }
            }
        }
        broker("fedgate_kafka_broker_transmit_errors_total", "Failures in sending to the broker.", .counter) {
            $0["txerrs"]?.doubleValue
        }
        broker("fedgate_kafka_broker_receive_errors_total", "Failures in receiving from the broker.", .counter) {
            $0["rxerrs"]?.doubleValue
        }
        broker("fedgate_kafka_broker_timeouts_total", "Requests that the broker did not answer in time.", .counter) {
            $0["req_timeouts"]?.doubleValue
        }
        broker("fedgate_kafka_broker_disconnects_total", "Connections to the broker that ended.", .counter) {
            $0["disconnects"]?.doubleValue
        }
    }

    /// Takes what librdkafka's statistics callback brings.
    ///
    /// - Parameter text: a JSON object; what cannot be read is passed over.
    public func take(_ text: UnsafeRawBufferPointer) {
        guard let top = (try? JSONValue(parsing: text))?.objectValue else { return }
        let brokers = (top["brokers"]?.objectValue ?? [:]).values.compactMap { value -> Broker? in
            // Addresses that are only bootstraps have no number yet.
            guard let members = value.objectValue, let id = members["nodeid"]?.integerValue, id >= 0 else { return nil }
            return Broker(id: String(id), members: members)
        }
        let few = top.filter { $0.value.objectValue == nil }
        let known = Array(brokers.sorted { $0.id < $1.id }.prefix(Self.mostBrokers))
        latest.withLock { $0 = Snapshot(top: few, brokers: known) }
    }
}
