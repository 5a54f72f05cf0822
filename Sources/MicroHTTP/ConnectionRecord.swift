internal import Glibc
internal import Synchronization

/// What the server knows of a connection beside the library: its socket and the request that is on it.
///
/// Thread: any.
final class ConnectionRecord: Sendable {
    private struct State {
        var socket: Int32
        var exchange: Exchange?
        /// When it was accepted, or its last exchange ended.
        var idleSince = ContinuousClock.now
    }

    private let state: Mutex<State>

    init(socket: Int32) { state = Mutex(State(socket: socket)) }

    var exchange: Exchange? { state.withLock { $0.exchange } }

    func begin(_ exchange: Exchange) { state.withLock { $0.exchange = exchange } }

    func end() {
        state.withLock { state in
            state.exchange = nil
            state.idleSince = .now
        }
    }

    /// The socket is about to be closed; its number may be another connection's after this.
    func close() { state.withLock { $0.socket = -1 } }

    var idleTime: Duration { state.withLock { .now - $0.idleSince } }

    /// Writes bytes past the library, as far as the socket takes them at once.
    func send(_ bytes: [UInt8]) {
        state.withLock { state in
            guard state.socket >= 0 else { return }
            _ = Glibc.send(state.socket, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
        }
    }

    /// Says that nothing more is sent.
    func endSending() { state.withLock { if $0.socket >= 0 { shutdown($0.socket, Int32(SHUT_WR)) } } }

    /// Ends both directions; the library sees the end and closes the connection.
    func cut() { state.withLock { if $0.socket >= 0 { shutdown($0.socket, Int32(SHUT_RDWR)) } } }
}

/// All connections of a server.
///
/// Thread: any.
final class ConnectionTable: Sendable {
    private let records = Mutex<[ObjectIdentifier: ConnectionRecord]>([:])

    func add(_ record: ConnectionRecord) { records.withLock { $0[ObjectIdentifier(record)] = record } }

    func remove(_ record: ConnectionRecord) { records.withLock { $0[ObjectIdentifier(record)] = nil } }

    var all: [ConnectionRecord] { records.withLock { Array($0.values) } }

    var count: Int { records.withLock { $0.count } }
}
