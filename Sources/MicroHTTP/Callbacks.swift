internal import CMicrohttpd
internal import Glibc

// What libmicrohttpd calls, on its workers. The first argument is the ServerCore, which outlives the daemon.

/// The request line was read: the exchange begins, and is what the request's later callbacks get.
func exchangeBegan(
    _ context: UnsafeMutableRawPointer?, _ target: UnsafePointer<CChar>?, _ handle: OpaquePointer?
) -> UnsafeMutableRawPointer? {
    guard let context, let handle, let kept = cmhd_socket_context(handle) else { return nil }
    let core = Unmanaged<ServerCore>.fromOpaque(context).takeUnretainedValue()
    let connection = Unmanaged<Connection>.fromOpaque(kept).takeUnretainedValue()
    let text = UnsafeBufferPointer(start: target, count: target.map { String.length(of: $0) } ?? 0)
    let end = UInt(bitPattern: target) + UInt(text.count)
    let exchange = Exchange(core, connection, handle, target: connection.target(text), targetEnd: end)
    connection.begin(exchange)
    return Unmanaged.passRetained(exchange).toOpaque()
}

/// The access handler: once with the headers, for each piece of the body, and at its end.
func exchangeContinued(
    _: UnsafeMutableRawPointer?, _: OpaquePointer?, _: UnsafePointer<CChar>?, _ method: UnsafePointer<CChar>?,
    _ version: UnsafePointer<CChar>?, _ data: UnsafePointer<CChar>?, _ size: UnsafeMutablePointer<Int>?,
    _ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
    guard let kept = slot?.pointee, let method, let version, let size else { return .NO }
    return Unmanaged<Exchange>.fromOpaque(kept).takeUnretainedValue().step(method, version, data, size)
}

/// The request is over, one way or the other; comes once for each time the target was logged.
func exchangeEnded(
    _: UnsafeMutableRawPointer?, _: OpaquePointer?, _ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
    _ code: MHD_RequestTerminationCode
) {
    guard let kept = slot?.pointee else { return }
    slot?.pointee = nil
    Unmanaged<Exchange>.fromOpaque(kept).takeRetainedValue().complete(code)
}

/// A connection was accepted, or its socket is about to be closed.
func connectionChanged(
    _ context: UnsafeMutableRawPointer?, _ handle: OpaquePointer?,
    _ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ code: MHD_ConnectionNotificationCode
) {
    guard let context, let handle, let slot else { return }
    let core = Unmanaged<ServerCore>.fromOpaque(context).takeUnretainedValue()
    if code == .CONNECTION_NOTIFY_STARTED {
        let connection = Connection(handle, core.configuration.tls)
        core.add(connection)
        slot.pointee = Unmanaged.passRetained(connection).toOpaque()
    } else if let kept = slot.pointee {
        slot.pointee = nil
        let connection = Unmanaged<Connection>.fromOpaque(kept).takeRetainedValue()
        connection.close()
        core.remove(connection)
    }
}

/// The library's decoding of targets and queries is not used.
func leaveCoded(_: UnsafeMutableRawPointer?, _: OpaquePointer?, _ text: UnsafeMutablePointer<CChar>?) -> Int {
    text.map { String.length(of: $0) } ?? 0
}

/// The library has something to say.
func libraryLogged(_ context: UnsafeMutableRawPointer?, _ format: UnsafePointer<CChar>?, _ arguments: CVaListPointer?) {
    guard let context, let format, let arguments else { return }
    let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { buffer -> String in
        guard let base = buffer.baseAddress, vsnprintf(base, 512, format, arguments) >= 0 else { return "" }
        return String(cString: base)
    }
    let core = Unmanaged<ServerCore>.fromOpaque(context).takeUnretainedValue()
    core.log(text.hasSuffix("\n") ? String(text.dropLast()) : text)
}

extension String {
    /// Bytes before the terminating zero.
    static func length(of text: UnsafePointer<CChar>) -> Int { strlen(text) }

    /// Whether it is these bytes in UTF-8.
    func isSame(as bytes: UnsafeRawBufferPointer) -> Bool {
        utf8.withContiguousStorageIfAvailable { own in
            guard own.count == bytes.count else { return false }
            guard let left = own.baseAddress, let right = bytes.baseAddress else { return own.isEmpty }
            return memcmp(left, right, own.count) == 0
        } ?? bytes.elementsEqual(utf8)
    }
}
