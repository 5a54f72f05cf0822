internal import CRdkafka
internal import EventLog
internal import Glibc
internal import Synchronization
internal import Threads

/// Contends for a piece of work by membership in a group whose topic has one partition: its owner leads.
///
/// The group only tells who should lead; a process that was stopped and continued may believe in a term that is over.
/// What keeps it from publishing is the transactional id, which all contenders share: who begins a term fences the
/// transactions of whoever led before.
///
/// Thread: `acquire` one; the group's own thread keeps the membership alive.
final class KafkaLeadership: Leadership {
    static let topic = "fedgate_leadership"

    private let log: KafkaLog
    private let work: String
    private let member: Producer.Handle
    let ownership: Ownership
    private let isRunning = Atomic(true)
    private let thread = Mutex<DedicatedThread?>(nil)
    private let term = Mutex<KafkaTerm?>(nil)

    init(_ log: KafkaLog, _ work: String) throws(LogFailure) {
        self.log = log
        self.work = work
        let ownership = Ownership(log.configuration.onLog)
        self.ownership = ownership
        let properties = log.configuration.member(of: "fedgate-" + work)
        let consumer = try Consumer.make(log.configuration, properties, ownership.context) { conf in
            rd_kafka_conf_set_opaque(conf, Unmanaged.passUnretained(ownership).toOpaque())
            rd_kafka_conf_set_log_cb(conf, onMemberLog)
            rd_kafka_conf_set_rebalance_cb(conf, onRebalance)
        }
        member = Producer.Handle(pointer: consumer)
        let list = rd_kafka_topic_partition_list_new(1)
        rd_kafka_topic_partition_list_add(list, Self.topic, RD_KAFKA_PARTITION_UA)
        rd_kafka_subscribe(consumer, list)
        rd_kafka_topic_partition_list_destroy(list)
        let started = DedicatedThread(name: "kafka-leader") { [self] in
            while isRunning.load(ordering: .acquiring) {
                if let message = rd_kafka_consumer_poll(member.pointer, 200) { rd_kafka_message_destroy(message) }
            }
        }
        thread.withLock { $0 = started }
    }

    func acquire(within timeout: Duration) throws(LogFailure) -> (any Term)? {
        term.withLock { $0.take() }?.end()
        let generation: Int? = ownership.state.wait(within: timeout) { state in
            if state.isClosed { return -1 }
            return state.isOwner ? state.generation : nil
        }
        guard let generation, generation >= 0 else { return nil }
        let fresh = try KafkaTerm(log, work, ownership, generation)
        term.withLock { $0 = fresh }
        return fresh
    }

    func close() {
        guard isRunning.exchange(false, ordering: .acquiringAndReleasing) else { return }
        ownership.state.change { $0 = (false, $0.generation + 1, true) }
        thread.withLock { $0.take() }?.join()
        term.withLock { $0.take() }?.end()
        Consumer.end(member.pointer, opaque: ownership, ownership.context.onLog)
    }
}

/// Whether this process owns the contest's partition, as the group last said.
final class Ownership: Sendable {
    let state = Monitor((isOwner: false, generation: 0, isClosed: false))
    let context: Producer.Context

    init(_ onLog: @escaping @Sendable (String) -> Void) { context = Producer.Context(onLog) {} }
}

/// Thread: the leadership's.
private func onRebalance(
    _ client: OpaquePointer?, _ code: rd_kafka_resp_err_t,
    _ partitions: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?, _ opaque: UnsafeMutableRawPointer?
) {
    guard let client, let opaque else { return }
    let ownership = Unmanaged<Ownership>.fromOpaque(opaque).takeUnretainedValue()
    let isAssigned = code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS
    rd_kafka_assign(client, isAssigned ? partitions : nil)
    let isOwner = isAssigned && (partitions?.pointee.cnt ?? 0) > 0
    ownership.state.change { $0 = (isOwner && !$0.isClosed, $0.generation + 1, $0.isClosed) }
}

/// Thread: any of librdkafka's.
private func onMemberLog(
    _ client: OpaquePointer?, _ level: Int32, _ facility: UnsafePointer<CChar>?, _ text: UnsafePointer<CChar>?
) {
    guard let client, let opaque = rd_kafka_opaque(client), let text else { return }
    Unmanaged<Ownership>.fromOpaque(opaque).takeUnretainedValue().context.onLog(String(cString: text))
}
