internal import CMicrohttpd
internal import Glibc
internal import Synchronization

// What libmicrohttpd calls. Nothing throws or traps here on what a peer sends.

private func core(_ cls: UnsafeMutableRawPointer?) -> ServerCore? {
    cls.map { Unmanaged<ServerCore>.fromOpaque($0).takeUnretainedValue() }
}

/// Thread: any of the library's.
func onServerLog(_ cls: UnsafeMutableRawPointer?, _ format: UnsafePointer<CChar>?, _ arguments: CVaListPointer?) {
    guard let format, let arguments else { return }
    var buffer = [CChar](repeating: 0, count: 512)
    vsnprintf(&buffer, buffer.count, format, arguments)
    let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    core(cls)?.log(String(decoding: bytes, as: UTF8.self))
}

/// Thread: the acceptor's and the workers'.
func onConnection(
    _ cls: UnsafeMutableRawPointer?, _ connection: OpaquePointer?,
    _ context: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ event: MHD_ConnectionNotificationCode
) {
    guard let core = core(cls), let connection, let context else { return }
    if event == .CONNECTION_NOTIFY_STARTED {
        let record = ConnectionRecord(socket: fedgate_mhd_socket(connection))
        core.connections.add(record)
        context.pointee = Unmanaged.passRetained(record).toOpaque()
    } else if let pointer = context.pointee {
        context.pointee = nil
        let record = Unmanaged<ConnectionRecord>.fromOpaque(pointer).takeRetainedValue()
        record.close()
        core.connections.remove(record)
    }
}

/// Thread: the connection's worker.
///
/// What it returns is the request's context from now on; `onCompleted` releases it.
func onRequestLine(
    _ cls: UnsafeMutableRawPointer?, _ target: UnsafePointer<CChar>?, _ connection: OpaquePointer?
) -> UnsafeMutableRawPointer? {
    guard let core = core(cls), let target, let connection,
        let context = fedgate_mhd_socket_context(connection)
    else { return nil }
    let record = Unmanaged<ConnectionRecord>.fromOpaque(context).takeUnretainedValue()
    let exchange = Exchange(
        id: core.nextID.wrappingAdd(1, ordering: .relaxed).oldValue, target: String(cString: target),
        connection: connection, record: record)
    record.begin(exchange)
    core.active.wrappingAdd(1, ordering: .acquiringAndReleasing)
    return Unmanaged.passRetained(exchange).toOpaque()
}

/// Thread: the connection's worker.
func onHandle(
    _ cls: UnsafeMutableRawPointer?, _ connection: OpaquePointer?, _ url: UnsafePointer<CChar>?,
    _ method: UnsafePointer<CChar>?, _ version: UnsafePointer<CChar>?, _ data: UnsafePointer<CChar>?,
    _ size: UnsafeMutablePointer<Int>?, _ context: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
    guard let core = core(cls), let connection, let method, let version, let size, let pointer = context?.pointee else {
        return .NO
    }
    let exchange = Unmanaged<Exchange>.fromOpaque(pointer).takeUnretainedValue()
    let worker = Worker(server: core, exchange: exchange, connection: connection)
    if exchange.framing == nil {
        return worker.begin(method: String(cString: method), version: String(cString: version))
    }
    guard size.pointee > 0 else { return worker.end() }
    return worker.take(UnsafeRawBufferPointer(start: data, count: size.pointee), size)
}

/// Thread: the connection's worker.
func onCompleted(
    _ cls: UnsafeMutableRawPointer?, _ connection: OpaquePointer?,
    _ context: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ code: MHD_RequestTerminationCode
) {
    guard let core = core(cls), let pointer = context?.pointee else { return }
    context?.pointee = nil
    let exchange = Unmanaged<Exchange>.fromOpaque(pointer).takeRetainedValue()
    exchange.finish()
    exchange.record.end()
    var wasAnswered = code == .REQUEST_TERMINATED_COMPLETED_OK
    // An answer that went past the library is one, although the library knows of none.
    if case .bounded = exchange.drain { wasAnswered = true }
    let status = exchange.status.load(ordering: .relaxed)
    let outcome: Outcome = wasAnswered && status > 0 ? .answered(status: status) : .aborted
    exchange.handler?.ended(exchange, outcome)
    exchange.handler = nil
    core.router.completed(exchange, outcome)
    core.active.wrappingSubtract(1, ordering: .acquiringAndReleasing)
}
