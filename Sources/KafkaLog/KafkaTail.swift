internal import CRdkafka
internal import EventLog
internal import Synchronization
internal import Threads

/// Reads all partitions of a topic by assignment, without a group.
///
/// Thread: one; `cancel` any.
final class KafkaTail: LogTail {
    /// Records handed over in one `read`.
    private static let batch = 64

    private let consumer: OpaquePointer
    private let context: Producer.Context
    private let topic: String
    private let isCancelled = Atomic(false)
    private(set) var positions: [Int32: Int64]
    /// A record whose taking failed; it comes again.
    private var held: UnsafeMutablePointer<rd_kafka_message_t>?

    init(
        _ configuration: KafkaConfiguration, _ topic: String, partitions: Int32, from offsets: [Int32: Int64]
    ) throws(LogFailure) {
        self.topic = topic
        context = Producer.Context(configuration.onLog) {}
        consumer = try Consumer.make(configuration, configuration.tail, context)
        positions = offsets
        let list = rd_kafka_topic_partition_list_new(partitions)
        defer { rd_kafka_topic_partition_list_destroy(list) }
        for partition in 0..<partitions {
            let entry = rd_kafka_topic_partition_list_add(list, topic, partition)
            entry?.pointee.offset = offsets[partition] ?? Int64(RD_KAFKA_OFFSET_BEGINNING)
        }
        let code = rd_kafka_assign(consumer, list)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            rd_kafka_destroy(consumer)
            throw KafkaError.failure(code)
        }
    }

    func read(within timeout: Duration, _ body: (borrowing StoredRecord) throws -> Void) throws -> Int {
        let deadline = ContinuousClock.now + timeout
        var count = 0
        // A cancellation ends one read.
        while count < Self.batch, !isCancelled.exchange(false, ordering: .acquiringAndReleasing) {
            let patience = count > 0 ? .zero : max(.zero, min(deadline - .now, .milliseconds(100)))
            let message =
                held ?? rd_kafka_consumer_poll(consumer, Int32(patience.components.attoseconds / 1_000_000_000_000_000))
            held = nil
            if let message {
                if try take(message, body) { count += 1 }
            } else if count > 0 || .now >= deadline {
                break
            }
        }
        return count
    }

    func cancel() { isCancelled.store(true, ordering: .releasing) }

    func close() {
        if let held { rd_kafka_message_destroy(held) }
        held = nil
        Consumer.end(consumer, opaque: context, context.onLog)
    }

    /// False for what is no record.
    private func take(
        _ message: UnsafeMutablePointer<rd_kafka_message_t>, _ body: (borrowing StoredRecord) throws -> Void
    ) throws -> Bool {
        var isDone = true
        defer { if isDone { rd_kafka_message_destroy(message) } else { held = message } }
        let partition = message.pointee.partition
        switch message.pointee.err {
        case RD_KAFKA_RESP_ERR_NO_ERROR: break
        case RD_KAFKA_RESP_ERR__PARTITION_EOF:
            // Also behind what transactions leave in the log.
            positions[partition] = message.pointee.offset
            return false
        case let code where KafkaError.isTopic(code): throw KafkaError.failure(code)
        case let code:
            context.onLog("reading \(topic): \(KafkaError.text(code))")
            return false
        }
        isDone = false
        try body(
            StoredRecord(
                position: Position(topic: topic, partition: partition, offset: message.pointee.offset),
                timestamp: rd_kafka_message_timestamp(message, nil),
                key: message.pointee.key.map { UnsafeRawBufferPointer(start: $0, count: message.pointee.key_len) },
                headers: Self.headers(of: message),
                value: UnsafeRawBufferPointer(start: message.pointee.payload, count: message.pointee.len)))
        isDone = true
        positions[partition] = message.pointee.offset + 1
        return true
    }

    private static func headers(of message: UnsafeMutablePointer<rd_kafka_message_t>) -> [RecordHeader] {
        var list: OpaquePointer?
        guard rd_kafka_message_headers(message, &list) == RD_KAFKA_RESP_ERR_NO_ERROR, let list else { return [] }
        var headers: [RecordHeader] = []
        var name: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var size = 0
        while rd_kafka_header_get_all(list, headers.count, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR, let name
        {
            headers.append(
                RecordHeader(String(cString: name), [UInt8](UnsafeRawBufferPointer(start: value, count: size))))
        }
        return headers
    }
}

/// Makes consumers, and ends them.
enum Consumer {
    /// Closes and destroys a consumer, or lets go of it where that does not come to an end.
    ///
    /// librdkafka waits for ever, at times, where a topic was deleted that the consumer read. Then the consumer and a thread stay
    /// behind, which the end of a process does not have to wait for.
    ///
    /// - Parameters:
    ///   - consumer: not used any more.
    ///   - opaque: what its callbacks get; kept for as long as they may come.
    ///   - onLog: is told of one that was let go of.
    static func end(_ consumer: OpaquePointer, opaque: some AnyObject & Sendable, _ onLog: (String) -> Void) {
        let handle = Producer.Handle(pointer: consumer)
        let end: @Sendable () -> Void = {
            rd_kafka_consumer_close(handle.pointer)
            rd_kafka_destroy(handle.pointer)
            withExtendedLifetime(opaque) {}
        }
        let isOver = Monitor(false)
        let thread = DedicatedThread(name: "kafka-close") {
            end()
            isOver.change { $0 = true }
        }
        guard let thread else { return end() }
        let isEnded = isOver.wait(within: .seconds(5)) { $0 ? true : nil }
        if isEnded == nil {
            onLog("a consumer does not end, and is left behind")
        } else {
            thread.join()
        }
    }

    /// - Parameters:
    ///   - properties: of librdkafka.
    ///   - context: lives as long as the consumer.
    static func make(
        _ configuration: KafkaConfiguration, _ properties: [String: String], _ context: Producer.Context,
        _ change: (OpaquePointer) -> Void = { _ in }
    ) throws(LogFailure) -> OpaquePointer {
        let conf = try configuration.make(properties)
        rd_kafka_conf_set_opaque(conf, Unmanaged.passUnretained(context).toOpaque())
        rd_kafka_conf_set_log_cb(conf, onLog)
        change(conf)
        var reason = [CChar](repeating: 0, count: 512)
        guard let consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, &reason, reason.count) else {
            rd_kafka_conf_destroy(conf)
            let bytes = reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            throw LogFailure(.unreachable, "Kafka: " + String(decoding: bytes, as: UTF8.self))
        }
        rd_kafka_poll_set_consumer(consumer)
        return consumer
    }
}
