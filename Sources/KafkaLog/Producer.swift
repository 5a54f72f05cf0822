internal import CRdkafka
internal import EventLog
internal import Glibc
internal import Synchronization
internal import Threads

/// A record on its way: librdkafka holds it until the report, and with it the record's memory.
final class Pending: Sendable {
    let record: Record
    let topic: String
    let completion: @Sendable (Result<Position, LogFailure>) -> Void

    init(_ record: Record, _ topic: String, _ completion: @escaping @Sendable (Result<Position, LogFailure>) -> Void) {
        self.record = record
        self.topic = topic
        self.completion = completion
    }
}

/// One producer of librdkafka and the thread that serves its reports.
///
/// Thread: any; `close` blocks.
final class Producer: Sendable {
    /// What the callbacks get.
    final class Context: Sendable {
        let onLog: @Sendable (String) -> Void
        let onFatal: @Sendable () -> Void
        let onStatistics: (@Sendable (UnsafeRawBufferPointer) -> Void)?

        init(
            _ onLog: @escaping @Sendable (String) -> Void, _ onFatal: @escaping @Sendable () -> Void,
            _ onStatistics: (@Sendable (UnsafeRawBufferPointer) -> Void)? = nil
        ) {
            self.onStatistics = onStatistics
            self.onLog = onLog
            self.onFatal = onFatal
        }
    }

    /// librdkafka's handles may be used by any thread until they are destroyed.
    struct Handle: @unchecked Sendable {
        let pointer: OpaquePointer
    }

    private let handle: Handle
    private let context: Context
    private struct Lending {
        var isOpen = true
        /// How many use the handle at this moment; it is not destroyed before they gave it back.
        var borrowers = 0
    }

    private let lending = Monitor(Lending())
    private let isPolling = Atomic(true)
    private let thread = Mutex<DedicatedThread?>(nil)

    init(
        _ configuration: KafkaConfiguration, _ properties: [String: String], onFatal: @escaping @Sendable () -> Void,
        onStatistics: (@Sendable (UnsafeRawBufferPointer) -> Void)? = nil
    ) throws(LogFailure) {
        let conf = try configuration.make(properties)
        context = Context(configuration.onLog, onFatal, onStatistics)
        rd_kafka_conf_set_opaque(conf, Unmanaged.passUnretained(context).toOpaque())
        rd_kafka_conf_set_dr_msg_cb(conf, onReport)
        rd_kafka_conf_set_error_cb(conf, onError)
        rd_kafka_conf_set_log_cb(conf, onLog)
        if onStatistics != nil { rd_kafka_conf_set_stats_cb(conf, onStatisticsCame) }
        var reason = [CChar](repeating: 0, count: 512)
        guard let pointer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, &reason, reason.count) else {
            rd_kafka_conf_destroy(conf)
            let bytes = reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            throw LogFailure(.unreachable, "Kafka: " + String(decoding: bytes, as: UTF8.self))
        }
        handle = Handle(pointer: pointer)
        let started = DedicatedThread(name: "kafka-reports") { [self] in
            while isPolling.load(ordering: .acquiring) { rd_kafka_poll(handle.pointer, 200) }
        }
        thread.withLock { $0 = started }
    }

    /// Hands a record over; its report comes on the producer's thread.
    func produce(_ pending: Pending) {
        guard borrow() else { return pending.completion(.failure(KafkaError.refused(RD_KAFKA_RESP_ERR__DESTROY))) }
        let code = hand(over: pending)
        giveBack()
        // Said again, for whoever could not replace it then.
        if code == RD_KAFKA_RESP_ERR__FATAL { context.onFatal() }
        if code != RD_KAFKA_RESP_ERR_NO_ERROR { pending.completion(.failure(KafkaError.refused(code))) }
    }

    /// Lends the handle, or says that it is gone.
    func use<R>(_ body: (OpaquePointer) throws(LogFailure) -> R) throws(LogFailure) -> R {
        guard borrow() else { throw KafkaError.refused(RD_KAFKA_RESP_ERR__DESTROY) }
        defer { giveBack() }
        return try body(handle.pointer)
    }

    private func borrow() -> Bool {
        lending.changeQuietly { lending in
            if lending.isOpen { lending.borrowers += 1 }
            return lending.isOpen
        }
    }

    private func giveBack() {
        let isLast = lending.changeQuietly { lending in
            lending.borrowers -= 1
            return !lending.isOpen && lending.borrowers == 0
        }
        if isLast { lending.change { _ in } }
    }

    /// Waits for reports, fails what has none by then, and destroys the producer.
    func close(within deadline: Duration) {
        let wasOpen = lending.changeQuietly { lending in
            defer { lending.isOpen = false }
            return lending.isOpen
        }
        guard wasOpen else { return }
        let (seconds, attoseconds) = deadline.components
        rd_kafka_flush(handle.pointer, Int32(clamping: seconds * 1000 + attoseconds / 1_000_000_000_000_000))
        rd_kafka_purge(handle.pointer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT)
        rd_kafka_flush(handle.pointer, 5000)
        isPolling.store(false, ordering: .releasing)
        thread.withLock { $0.take() }?.join()
        // Each of librdkafka's calls that they may be in has its deadline.
        lending.wait { $0.borrowers == 0 ? () : nil }
        rd_kafka_destroy(handle.pointer)
    }

    private func hand(over pending: Pending) -> rd_kafka_resp_err_t {
        let headers = rd_kafka_headers_new(pending.record.headers.count)
        for header in pending.record.headers {
            header.value.withUnsafeBytes { value in
                _ = rd_kafka_header_add(headers, header.name, -1, value.baseAddress, value.count)
            }
        }
        let retained = Unmanaged.passRetained(pending)
        let value = pending.record.value
        let code = pending.record.key.withUnsafeBytes { key in
            fedgate_produce(
                handle.pointer, pending.topic, key.baseAddress, key.count, value.baseAddress, value.count, headers,
                retained.toOpaque())
        }
        if code != RD_KAFKA_RESP_ERR_NO_ERROR {
            // No report will come, and nothing was taken over.
            rd_kafka_headers_destroy(headers)
            retained.release()
        }
        return code
    }
}

/// Thread: the producer's.
private func onReport(
    _ client: OpaquePointer?, _ message: UnsafePointer<rd_kafka_message_t>?, _ opaque: UnsafeMutableRawPointer?
) {
    guard let message, let context = message.pointee._private else { return }
    let pending = Unmanaged<Pending>.fromOpaque(context).takeRetainedValue()
    let code = message.pointee.err
    if code == RD_KAFKA_RESP_ERR_NO_ERROR {
        guard message.pointee.offset >= 0 else { return pending.completion(.failure(KafkaError.nowhere)) }
        let position = Position(
            topic: pending.topic, partition: message.pointee.partition, offset: message.pointee.offset)
        return pending.completion(.success(position))
    }
    let mayBeStored = rd_kafka_message_status(message) != RD_KAFKA_MSG_STATUS_NOT_PERSISTED
    pending.completion(.failure(KafkaError.undelivered(code, mayBeStored: mayBeStored)))
}

/// Thread: the producer's.
///
/// All but fatal errors are informational: librdkafka tries again by itself.
private func onError(
    _ client: OpaquePointer?, _ code: Int32, _ reason: UnsafePointer<CChar>?, _ opaque: UnsafeMutableRawPointer?
) {
    guard let opaque else { return }
    let context = Unmanaged<Producer.Context>.fromOpaque(opaque).takeUnretainedValue()
    context.onLog(reason.map { String(cString: $0) } ?? "error \(code)")
    if code == RD_KAFKA_RESP_ERR__FATAL.rawValue { context.onFatal() }
}

/// Thread: any of librdkafka's.
func onLog(
    _ client: OpaquePointer?, _ level: Int32, _ facility: UnsafePointer<CChar>?, _ text: UnsafePointer<CChar>?
) {
    guard let client, let opaque = rd_kafka_opaque(client), let text else { return }
    // The one that the producer's configuration asks for.
    if strstr(text, "isolation.level") != nil { return }
    Unmanaged<Producer.Context>.fromOpaque(opaque).takeUnretainedValue().onLog(String(cString: text))
}

/// Thread: the producer's.
private func onStatisticsCame(
    _ client: OpaquePointer?, _ text: UnsafeMutablePointer<CChar>?, _ count: Int, _ opaque: UnsafeMutableRawPointer?
) -> Int32 {
    guard let text, let opaque else { return 0 }
    let context = Unmanaged<Producer.Context>.fromOpaque(opaque).takeUnretainedValue()
    context.onStatistics?(UnsafeRawBufferPointer(start: text, count: count))
    // librdkafka keeps the text, and frees it.
    return 0
}
