import Bytes
import CRdkafka
import EventLog
import EventLogConformance
import Foundation
import Testing
import Threads

@testable import KafkaLog

/// Against a real broker, one test after the other: leadership takes the group's time.
@Suite(.serialized, .enabled(if: Broker.address != nil, Comment(rawValue: Broker.missing)))
struct KafkaLogTests {
    private func open() throws -> KafkaLog {
        try KafkaLog(KafkaConfiguration(brokers: try #require(Broker.address), maxRecordBytes: 16 << 20))
    }

    private func name(_ text: String) -> String { "test-\(text)-\(UUID().uuidString.prefix(8))" }

    @Test(arguments: EventLogConformance.cases)
    func doesWhatEveryLogDoes(_ conformance: ConformanceCase) throws {
        try conformance.run(topics: name("case")) { try open() }
    }

    @Test func theTopicsOwnLimitIsReadBack() throws {
        let log = try open()
        defer { log.close(within: .seconds(5)) }
        let topic = name("limit")
        _ = try log.prepare([TopicSpec(name: topic, partitions: 1, maxRecordBytes: 54_321)])
        // Another wish does not change a topic that is there.
        let limits = try log.prepare([TopicSpec(name: topic, partitions: 3, maxRecordBytes: 1 << 20)])
        #expect(limits[topic] == TopicLimits(partitions: 1, maxRecordBytes: 54_321))
    }

    /// The broker counts the batch, of which librdkafka would make one of a megabyte.
    @Test func manyRecordsAtOnceFitATopicThatAdmitsLittle() throws {
        let log = try open()
        defer { log.close(within: .seconds(5)) }
        let topic = name("batch")
        _ = try log.prepare([TopicSpec(name: topic, partitions: 1, maxRecordBytes: 20_000)])
        let pool = SlabPool(limit: 16 << 20)
        let results = Monitor<[Result<Position, LogFailure>]>([])
        for _ in 0..<100 {
            let slab = try #require(pool.acquire(5000))
            log.append(Record(key: [1], headers: [], slab: slab, range: 0..<5000), to: topic) { result in
                results.change { $0.append(result) }
            }
        }
        let all = try #require(results.wait(within: .seconds(60)) { $0.count == 100 ? $0 : nil })
        for result in all { #expect(throws: Never.self) { try result.get() } }
    }

    /// What the producer held fails, and is not lost silently; what comes a moment later is stored.
    @Test func aProducerThatMetAFatalErrorIsReplaced() throws {
        let log = try open()
        let topic = name("fatal")
        _ = try log.prepare([TopicSpec(name: topic, partitions: 1, maxRecordBytes: 1 << 20)])
        let pool = SlabPool(limit: 1 << 20)
        func append() throws -> Result<Position, LogFailure> {
            let slab = try #require(pool.acquire(100))
            let answer = Monitor<Result<Position, LogFailure>?>(nil)
            log.append(Record(key: [1], headers: [], slab: slab, range: 0..<100), to: topic) { result in
                answer.change { $0 = result }
            }
            return try #require(answer.wait(within: .seconds(60)) { $0 })
        }
        #expect(try append().get().offset == 0)
        let first = try log.current()
        try first.use { (handle) throws(LogFailure) in
            _ = rd_kafka_test_fatal_error(handle, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "a test")
        }
        var (stored, refusals) = (Position?.none, Set<LogFailure.Kind>())
        let deadline = ContinuousClock.now + .seconds(60)
        while stored == nil, .now < deadline {
            switch try append() {
            case .success(let position): stored = position
            case .failure(let failure):
                refusals.insert(failure.kind)
                usleep(10_000)
            }
        }
        #expect(stored == Position(topic: topic, partition: 0, offset: 1))
        #expect(refusals.isSubset(of: [.unreachable]))
        #expect(try log.current() !== first)
        log.close(within: .seconds(5))
        #expect(pool.lent == 0)
    }

    /// A second term with the same work, as after the first process was stopped for longer than the session lasts.
    @Test func aTermThatWasThoughtDeadIsFenced() throws {
        let log = try open()
        defer { log.close(within: .seconds(5)) }
        let topic = name("fence")
        _ = try log.prepare([TopicSpec(name: topic, partitions: 1, maxRecordBytes: 1 << 20)])
        let work = name("work")
        let owner = Ownership { _ in }
        owner.state.change { $0 = (true, 1, false) }
        let pool = SlabPool(limit: 1 << 20)
        let slab = try #require(pool.acquire(1))
        let record = Record(key: [1], headers: [], slab: slab, range: 0..<1)
        let first = try KafkaTerm(log, work, owner, 1)
        #expect(try first.publish([(topic, record)]).count == 1)
        let second = try KafkaTerm(log, work, owner, 1)
        let failure = #expect(throws: LogFailure.self) { try first.publish([(topic, record)]) }
        #expect(failure?.kind == .fenced)
        #expect(!first.isCurrent)
        #expect(try second.publish([(topic, record)]).count == 1)
        let tail = try log.tail(topic, from: [:])
        var count = 0
        try tail.catchUp(with: topic, of: log) { _ in count += 1 }
        #expect(count == 2)
        tail.close()
        first.end()
        second.end()
    }
}
