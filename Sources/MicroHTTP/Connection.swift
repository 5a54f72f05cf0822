internal import CMicrohttpd
internal import Certificates
internal import Glibc
internal import Synchronization

/// One client's connection, from its acceptance to the closing of its socket.
///
/// Thread: any. libmicrohttpd says that the socket is about to be closed before it closes it; `isOpen` ends there under the
/// lock, so that nobody uses the number of a descriptor that has become another's.
final class Connection: Sendable {
    private struct State {
        var isOpen = true
        var isFirst = true
        var idleSince = Moment.now
        var exchange: Exchange?
        var peer: (judge: ServerCredentials, at: Moment, verdict: PeerCertificate)?
    }

    /// How long a verdict on the client's certificate holds.
    private static let trust: Duration = .seconds(30)

    /// The client's address without the port.
    let address: String
    private let descriptor: Int32
    /// Used by the connection's worker only, until the connection's end is called.
    private nonisolated(unsafe) let session: TLSSession?
    /// The head of its last request, if that is worth keeping; used by the connection's worker only.
    private nonisolated(unsafe) var lastHead: RequestHead?
    /// What the session refers to.
    private let credentials: ServerCredentials?
    private let state = Mutex(State())

    /// Thread: the connection's worker, before the handshake.
    init(_ connection: OpaquePointer, _ terms: TLSTerms?) {
        descriptor = cmhd_socket(connection)
        address = Self.text(of: cmhd_peer(connection))
        session = terms == nil ? nil : TLSSession(cmhd_session(connection))
        credentials = terms?.credentials
        if let session, let credentials { _ = session.attach(credentials) }
    }

    /// Whether it runs over TLS; then its worker alone may send.
    var isSecure: Bool { session != nil }

    /// What the client has shown, by the credentials in force.
    ///
    /// Thread: the connection's worker.
    func peer(_ terms: TLSTerms) -> PeerCertificate {
        guard let session else { return .none }
        let judge = terms.credentials
        let now = Moment.now
        // What was good may have ended since, as may the list of revocations.
        if let known = state.withLock({ $0.peer }), known.judge === judge, now - known.at < Self.trust {
            return known.verdict
        }
        let verdict = session.peer(by: judge)
        state.withLock { $0.peer = (judge, now, verdict) }
        return verdict
    }

    /// A request's target: the last request's again when it is the same.
    ///
    /// Thread: the connection's worker.
    func target(_ text: UnsafeBufferPointer<CChar>) -> Target {
        let text = UnsafeRawBufferPointer(text)
        if let last = lastHead?.target, last.text.isSame(as: text) { return last }
        return Target(String(decoding: text, as: UTF8.self))
    }

    /// A request's head: the last request's again when it is the same.
    ///
    /// Thread: the connection's worker.
    func head(_ raw: borrowing RawHead, target: Target) -> RequestHead {
        if let lastHead, lastHead.isRepeated(by: raw, target: target) { return lastHead }
        let head = RequestHead(raw, target: target)
        lastHead = head.isWorthKeeping ? head : nil
        return head
    }

    var exchange: Exchange? { state.withLock { $0.exchange } }

    func begin(_ exchange: Exchange) {
        state.withLock { $0.exchange = exchange }
    }

    func finish(at now: Moment) {
        state.withLock { state in
            state.exchange = nil
            state.isFirst = false
            state.idleSince = now
        }
    }

    /// The socket is about to be closed.
    func close() {
        state.withLock { state in
            state.isOpen = false
            state.exchange = nil
        }
    }

    /// Ends the connection if no request line came in time; otherwise says which exchange to look at.
    func check(at now: Moment, _ configuration: ServerConfiguration) -> Exchange? {
        let (exchange, isLate) = state.withLock { state in
            let allowance = state.isFirst ? .zero : configuration.idleTimeout
            let isLate = state.exchange == nil && now - state.idleSince > configuration.headerTimeout + allowance
            return (state.exchange, isLate)
        }
        if isLate { shutdown() }
        return exchange
    }

    /// Makes the worker see an end of the connection.
    func shutdown() {
        state.withLock { state in
            if state.isOpen { _ = Glibc.shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }

    /// Whether the client has reset the connection.
    ///
    /// One that only finished sending may well wait for its answer.
    var isReset: Bool {
        state.withLock { state in
            guard state.isOpen else { return true }
            var event = pollfd(fd: descriptor, events: 0, revents: 0)
            return poll(&event, 1, 0) > 0 && Int32(event.revents) & (POLLERR | POLLHUP) != 0
        }
    }

    /// Sends bytes past libmicrohttpd, then the end of the stream.
    ///
    /// Only while libmicrohttpd has nothing to send itself: before a response was queued. Never blocks, so the bytes have
    /// to fit into the socket's empty buffer.
    ///
    /// Thread: any; over TLS the connection's worker, since a session is not for two.
    ///
    /// - Returns: whether all of them did.
    func sendLast(_ bytes: [UInt8]) -> Bool {
        state.withLock { state in
            guard state.isOpen else { return false }
            if let session { return session.sendLast(bytes) }
            let sent = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
            _ = Glibc.shutdown(descriptor, Int32(SHUT_WR))
            return sent == bytes.count
        }
    }

    private static func text(of peer: UnsafePointer<sockaddr>?) -> String {
        guard let peer else { return "" }
        let isNew = peer.pointee.sa_family == sa_family_t(AF_INET6)
        let size = isNew ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size
        let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer -> String in
            guard let base = buffer.baseAddress,
                getnameinfo(peer, socklen_t(size), base, 64, nil, 0, Int32(NI_NUMERICHOST)) == 0
            else { return "" }
            return String(cString: base)
        }
        return text.hasPrefix("::ffff:") ? String(text.dropFirst(7)) : text
    }
}
