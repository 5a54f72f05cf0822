import Bytes
import CRdkafka
import EventLog
import Glibc
import Testing
import Threads

@testable import KafkaLog

/// Faults that a broker does not show on demand, by librdkafka's own mock cluster.
@Suite struct MockClusterTests {
    private final class Cluster {
        private let client: OpaquePointer
        let cluster: OpaquePointer
        let brokers: String

        init() throws {
            var reason = [CChar](repeating: 0, count: 512)
            client = try #require(rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), &reason, reason.count))
            cluster = try #require(rd_kafka_mock_cluster_new(client, 1))
            brokers = String(cString: rd_kafka_mock_cluster_bootstraps(cluster))
            rd_kafka_mock_topic_create(cluster, "t", 1, 1)
        }

        deinit {
            rd_kafka_mock_cluster_destroy(cluster)
            rd_kafka_destroy(client)
        }
    }

    private func configuration(_ brokers: String, _ properties: [String: String] = [:]) -> KafkaConfiguration {
        KafkaConfiguration(brokers: brokers, properties: properties, maxRecordBytes: 1 << 20)
    }

    private func produce(_ producer: Producer, _ pool: SlabPool, to topic: String = "t") throws -> Result<
        Position, LogFailure
    >? {
        let slab = try #require(pool.acquire(1000))
        let answer = Monitor<Result<Position, LogFailure>?>(nil)
        producer.produce(
            Pending(Record(key: [1], headers: [], slab: slab, range: 0..<1000), topic) { result in
                answer.change { $0 = result }
            })
        return answer.wait(within: .seconds(60)) { $0 }
    }

    @Test func aRecordIsLentUntilItsReport() throws {
        let mock = try Cluster()
        let pool = SlabPool(limit: 1 << 20)
        let settings = configuration(mock.brokers)
        let producer = try Producer(settings, settings.producer, onFatal: {})
        let position = try #require(try produce(producer, pool)).get()
        #expect(position == Position(topic: "t", partition: 0, offset: 0))
        producer.close(within: .seconds(5))
        #expect(pool.lent == 0)
    }

    @Test func passingErrorsAreNotSeen() throws {
        let mock = try Cluster()
        let settings = configuration(mock.brokers)
        let producer = try Producer(settings, settings.producer, onFatal: {})
        defer { producer.close(within: .seconds(5)) }
        let produceKey: Int16 = 0
        let passing = [RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT]
        rd_kafka_mock_push_request_errors_array(mock.cluster, produceKey, passing.count, passing)
        #expect(throws: Never.self) { try #require(try produce(producer, SlabPool(limit: 1 << 20))).get() }
    }

    /// A broker that begins to lead a new partition may refuse the first record and take the second: librdkafka calls both
    /// stored then, for an idempotent producer's are taken in order.
    @Test func aRecordThatIsSaidToBeStoredNowhereIsNot() throws {
        let mock = try Cluster()
        let settings = configuration(mock.brokers, ["batch.num.messages": "1"])
        let producer = try Producer(settings, settings.producer, onFatal: {})
        defer { producer.close(within: .seconds(5)) }
        let produceKey: Int16 = 0
        // Both are on their way before the first is refused.
        rd_kafka_mock_broker_set_rtt(mock.cluster, 1, 300)
        let passing = [RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION]
        rd_kafka_mock_push_request_errors_array(mock.cluster, produceKey, passing.count, passing)
        let pool = SlabPool(limit: 1 << 20)
        let answers = Monitor<[Int: Result<Position, LogFailure>]>([:])
        for number in 0..<2 {
            let slab = try #require(pool.acquire(1000))
            producer.produce(
                Pending(Record(key: [1], headers: [], slab: slab, range: 0..<1000), "t") { result in
                    answers.change { $0[number] = result }
                })
        }
        let results = try #require(answers.wait(within: .seconds(60)) { $0.count == 2 ? $0 : nil })
        #expect(try results[1]?.get() == Position(topic: "t", partition: 0, offset: 0))
        let failure = #expect(throws: LogFailure.self) { try results[0]?.get() }
        #expect(failure?.kind == .outcomeUnknown)
    }

    @Test func withoutABrokerNothingWasStored() throws {
        let mock = try Cluster()
        let settings = configuration(mock.brokers, ["message.timeout.ms": "1000"])
        let producer = try Producer(settings, settings.producer, onFatal: {})
        defer { producer.close(within: .seconds(5)) }
        rd_kafka_mock_broker_set_down(mock.cluster, 1)
        let failure = #expect(throws: LogFailure.self) {
            try #require(try produce(producer, SlabPool(limit: 1 << 20))).get()
        }
        #expect(failure?.kind == .unreachable)
    }

    @Test func aFullQueueIsSaidAtOnce() throws {
        let mock = try Cluster()
        let settings = configuration(mock.brokers, ["queue.buffering.max.messages": "1"])
        let producer = try Producer(settings, settings.producer, onFatal: {})
        rd_kafka_mock_broker_set_down(mock.cluster, 1)
        let pool = SlabPool(limit: 1 << 20)
        let kinds = Monitor<[LogFailure.Kind]>([])
        for _ in 0..<2 {
            let slab = try #require(pool.acquire(10))
            producer.produce(
                Pending(Record(key: [], headers: [], slab: slab, range: 0..<10), "t") { result in
                    if case .failure(let failure) = result { kinds.change { $0.append(failure.kind) } }
                })
        }
        #expect(kinds.wait(within: .seconds(60)) { $0.first } == .full)
        producer.close(within: .zero)
        #expect(pool.lent == 0)
    }

    @Test func aFatalErrorIsReported() throws {
        let mock = try Cluster()
        let settings = configuration(mock.brokers)
        let fatal = Monitor(false)
        let producer = try Producer(settings, settings.producer) { fatal.change { $0 = true } }
        defer { producer.close(within: .zero) }
        try producer.use { (handle) throws(LogFailure) in
            _ = rd_kafka_test_fatal_error(handle, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "a test")
        }
        #expect(fatal.wait(within: .seconds(60)) { $0 ? true : nil } == true)
    }

    /// Its callbacks may still come, and find what they are for.
    @Test func aMemberThatIsLeftBehindKeepsItsOwnership() throws {
        let mock = try Cluster()
        rd_kafka_mock_topic_create(mock.cluster, KafkaLeadership.topic, 1, 1)
        let log = try KafkaLog(configuration(mock.brokers))
        defer { log.close(within: .zero) }
        var leadership: KafkaLeadership? = try KafkaLeadership(log, "w")
        weak var ownership: Ownership?
        ownership = leadership?.ownership
        try #require(ownership?.state.wait(within: .seconds(60)) { $0.isOwner ? true : nil } == true)
        // Closing leaves the group, and that waits for the broker.
        rd_kafka_mock_broker_set_rtt(mock.cluster, 1, 10_000)
        leadership?.close()
        leadership = nil
        #expect(ownership != nil)
        rd_kafka_mock_broker_set_rtt(mock.cluster, 1, 0)
        let deadline = ContinuousClock.now + .seconds(60)
        while ownership != nil, .now < deadline { usleep(50_000) }
        #expect(ownership == nil)
    }

    /// A later chunk of an update, which went through the new one, could land before an earlier one.
    @Test func aProducerWithSmallerBatchesTakesNothingBeforeTheOldOneHasItsReports() throws {
        let mock = try Cluster()
        let log = try KafkaLog(configuration(mock.brokers))
        defer { log.close(within: .zero) }
        let old = try log.current()
        let pool = SlabPool(limit: 1 << 20)
        _ = try #require(try produce(old, pool)).get()
        rd_kafka_mock_broker_set_rtt(mock.cluster, 1, 1000)
        let answer = Monitor<Result<Position, LogFailure>?>(nil)
        let slab = try #require(pool.acquire(1000))
        old.produce(
            Pending(Record(key: [1], headers: [], slab: slab, range: 0..<1000), "t") { result in
                answer.change { $0 = result }
            })
        let isLowered = Monitor(false)
        let thread = DedicatedThread(name: "lower") {
            try? log.lowerBatches(to: 500_000)
            isLowered.change { $0 = true }
        }
        defer { thread?.join() }
        var refusals = Set<LogFailure.Kind>()
        while !isLowered.look({ $0 }) {
            do throws(LogFailure) {
                let current = try log.current()
                #expect(current === old || answer.look { $0 != nil })
            } catch { refusals.insert(error.kind) }
            usleep(1000)
        }
        #expect(try log.current() !== old)
        #expect(try answer.look { $0 }?.get().offset == 1)
        #expect(refusals == [.unreachable])
    }

    @Test func batchesThatCouldNotBeLoweredAreLoweredTheNextTime() throws {
        let mock = try Cluster()
        let log = try KafkaLog(configuration(mock.brokers))
        defer { log.close(within: .zero) }
        let old = try log.current()
        // librdkafka makes no producer with such batches.
        #expect(throws: LogFailure.self) { try log.lowerBatches(to: 0) }
        #expect(try log.current() === old)
        try log.lowerBatches(to: 500_000)
        #expect(try log.current() !== old)
    }

    /// Who had no thread to replace the producer on hears of it until it is replaced.
    @Test func aFatalErrorIsReportedAgainByEachRecordThatItRefuses() throws {
        let mock = try Cluster()
        let settings = configuration(mock.brokers)
        let reports = Monitor(0)
        let producer = try Producer(settings, settings.producer) { reports.change { $0 += 1 } }
        defer { producer.close(within: .zero) }
        try producer.use { (handle) throws(LogFailure) in
            _ = rd_kafka_test_fatal_error(handle, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "a test")
        }
        try #require(reports.wait(within: .seconds(60)) { $0 == 1 ? true : nil } == true)
        let pool = SlabPool(limit: 1 << 20)
        for number in 2...3 {
            let failure = #expect(throws: LogFailure.self) { try #require(try produce(producer, pool)).get() }
            #expect(failure?.kind == .unreachable && reports.look { $0 } == number)
        }
    }

    @Test func propertiesThatDoNotExistAreRefusedWithoutTheirValue() {
        let settings = configuration("127.0.0.1:1", ["no.such.property": "secret"])
        let failure = #expect(throws: LogFailure.self) { try Producer(settings, settings.producer, onFatal: {}) }
        #expect(failure?.reason.contains("no.such.property") == true && failure?.reason.contains("secret") == false)
    }
}
