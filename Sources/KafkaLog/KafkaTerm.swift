internal import CRdkafka
internal import EventLog
internal import Synchronization
internal import Threads

/// A term: a transactional producer that fenced its predecessor.
///
/// Thread: `publish` one; `isCurrent` any.
final class KafkaTerm: Term {
    private static let timeout: Int32 = 20_000

    private let log: KafkaLog
    private let ownership: Ownership
    private let generation: Int
    private let producer: Producer
    private let isOver = Atomic(false)

    init(_ log: KafkaLog, _ work: String, _ ownership: Ownership, _ generation: Int) throws(LogFailure) {
        self.log = log
        self.ownership = ownership
        self.generation = generation
        let configuration = log.configuration
        let properties = log.bounded(configuration.transactional(id: "fedgate-" + work))
        let producer = try Producer(configuration, properties, onFatal: {})
        self.producer = producer
        do throws(LogFailure) {
            try producer.use { (handle) throws(LogFailure) in
                try Self.check(rd_kafka_init_transactions(handle, Self.timeout))
            }
        } catch {
            producer.close(within: .zero)
            throw error
        }
    }

    var isCurrent: Bool {
        !isOver.load(ordering: .acquiring)
            && ownership.state.look { $0.isOwner && $0.generation == generation }
    }

    func publish(_ records: [(topic: String, record: Record)]) throws(LogFailure) -> [Position] {
        guard isCurrent else { throw LogFailure(.fenced, "another process has taken over") }
        for (topic, record) in records { try log.check(record, topic) }
        do throws(LogFailure) {
            return try producer.use { (handle) throws(LogFailure) in try transaction(records, handle) }
        } catch {
            // Whatever the reason: a new term begins with a clean state and reads what is on the log.
            if error.kind != .tooLarge { isOver.store(true, ordering: .releasing) }
            throw error
        }
    }

    func end() {
        isOver.store(true, ordering: .releasing)
        producer.close(within: .zero)
    }

    private func transaction(
        _ records: [(topic: String, record: Record)], _ handle: OpaquePointer
    ) throws(LogFailure) -> [Position] {
        try Self.check(rd_kafka_begin_transaction(handle))
        let answers = Monitor<[Int: Result<Position, LogFailure>]>([:])
        for (index, (topic, record)) in records.enumerated() {
            producer.produce(Pending(record, topic) { result in answers.change { $0[index] = result } })
        }
        let results = answers.wait { $0.count == records.count ? $0 : nil } ?? [:]
        var positions: [Position] = []
        do throws(LogFailure) {
            for index in records.indices { if let result = results[index] { positions.append(try result.get()) } }
        } catch {
            try Self.check(rd_kafka_abort_transaction(handle, Self.timeout))
            throw error
        }
        try commit(handle)
        return positions
    }

    /// A commit may be asked for again as long as librdkafka says so; then nobody knows what became of it.
    private func commit(_ handle: OpaquePointer) throws(LogFailure) {
        for _ in 0..<3 {
            guard let error = rd_kafka_commit_transaction(handle, Self.timeout) else { return }
            let isRetriable = rd_kafka_error_is_retriable(error) == 1
            if isRetriable {
                rd_kafka_error_destroy(error)
                continue
            }
            if rd_kafka_error_txn_requires_abort(error) == 1 {
                let code = rd_kafka_error_code(error)
                rd_kafka_error_destroy(error)
                try Self.check(rd_kafka_abort_transaction(handle, Self.timeout))
                throw KafkaError.failure(code)
            }
            return try Self.check(error)
        }
        throw LogFailure(.outcomeUnknown, "Kafka: the commit of a transaction was not answered in time")
    }

    private static func check(_ error: OpaquePointer?) throws(LogFailure) {
        guard let error else { return }
        defer { rd_kafka_error_destroy(error) }
        let code = rd_kafka_error_code(error)
        let reason = "Kafka: " + String(cString: rd_kafka_error_string(error))
        if KafkaError.isFenced(code) { throw LogFailure(.fenced, reason) }
        throw LogFailure(KafkaError.isTopic(code) ? .topic : .unreachable, reason)
    }
}
