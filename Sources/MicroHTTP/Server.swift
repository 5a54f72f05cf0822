internal import CMicrohttpd
internal import Glibc
internal import Synchronization
internal import Threads

/// What the callbacks of a server share.
///
/// Thread: any.
final class ServerCore: Sendable {
    let configuration: ServerConfiguration
    let router: any RequestRouter
    let connections = ConnectionTable()
    let nextID = Atomic<UInt64>(1)
    let active = Atomic<Int>(0)
    private let draining = Atomic(false)
    private let onLog: @Sendable (String) -> Void

    init(
        _ configuration: ServerConfiguration, _ router: any RequestRouter, _ onLog: @escaping @Sendable (String) -> Void
    ) {
        self.configuration = configuration
        self.router = router
        self.onLog = onLog
    }

    /// Whether no request may wait for anything any more.
    var isDraining: Bool { draining.load(ordering: .acquiring) }

    func drain() { draining.store(true, ordering: .releasing) }

    func log(_ message: String) { onLog(message) }
}

/// An HTTP/1.1 server on libmicrohttpd's epoll thread pool.
///
/// Thread: any; `stop` blocks.
public final class Server: Sendable {
    private struct State {
        var daemon: Daemon?
        var watchdog: Watchdog?
    }

    /// Thread: the owner's; the library's handle may be used by any.
    private struct Daemon: @unchecked Sendable {
        let handle: OpaquePointer
    }

    private let core: ServerCore
    private let state: Mutex<State>
    /// The port that it listens on.
    public let port: UInt16

    /// Begins to listen.
    ///
    /// - Parameters:
    ///   - configuration: how it listens, and what it admits.
    ///   - router: says what is done with requests.
    ///   - onLog: gets what the library has to say; any thread.
    public init(
        _ configuration: ServerConfiguration, router: any RequestRouter,
        onLog: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(ServerFailure) {
        let core = ServerCore(configuration, router, onLog)
        let handle = try Self.start(core)
        self.core = core
        port = UInt16(clamping: fedgate_mhd_port(handle))
        guard let watchdog = Watchdog(core) else {
            MHD_stop_daemon(handle)
            throw ServerFailure(description: "no thread for the server's watchdog")
        }
        state = Mutex(State(daemon: Daemon(handle: handle), watchdog: watchdog))
    }

    /// Connections that are open.
    public var openConnections: Int { core.connections.count }

    /// Requests that are under way.
    public var activeExchanges: Int { core.active.load(ordering: .relaxed) }

    /// Takes no more connections, waits for the requests under way, refuses those that take too long, and ends.
    ///
    /// - Parameter deadline: for the requests under way.
    public func stop(within deadline: Duration) {
        let (daemon, watchdog) = state.withLock { state in (state.daemon.take(), state.watchdog.take()) }
        guard let daemon else { return }
        let socket = MHD_quiesce_daemon(daemon.handle)
        if socket >= 0 { close(socket) }
        let end = ContinuousClock.now + deadline
        while core.active.load(ordering: .acquiring) > 0, .now < end { usleep(5000) }
        // From here no request can be suspended: the library aborts when it is stopped with one that is.
        core.drain()
        while true {
            let suspended = core.connections.all.compactMap(\.exchange).filter(\.isSuspended)
            if suspended.isEmpty { break }
            for exchange in suspended {
                exchange.reply(core.router.response(to: .stopping))
                exchange.resume()
            }
            usleep(5000)
        }
        let answersEnd = ContinuousClock.now + .seconds(2)
        while core.active.load(ordering: .acquiring) > 0, .now < answersEnd { usleep(5000) }
        watchdog?.stop()
        MHD_stop_daemon(daemon.handle)
    }

    private static func start(_ core: ServerCore) throws(ServerFailure) -> OpaquePointer {
        let configuration = core.configuration
        let address = try SocketAddress(configuration.host, configuration.port)
        var flags = MHD_USE_EPOLL_INTERNAL_THREAD.rawValue | MHD_ALLOW_SUSPEND_RESUME.rawValue
        flags |= MHD_USE_ERROR_LOG.rawValue
        if address.isIPv6 { flags |= MHD_USE_IPv6.rawValue }
        let handle = address.withPointer { address in
            var options = fedgate_mhd_options()
            options.address = address
            options.flags = flags
            options.threads = UInt32(clamping: configuration.threads)
            options.connection_memory = configuration.connectionMemory
            options.connections = UInt32(clamping: configuration.maxConnections)
            options.connections_per_address = UInt32(clamping: configuration.maxConnectionsPerAddress)
            options.idle_seconds = UInt32(clamping: configuration.idleTimeout.components.seconds)
            options.backlog = 1024
            options.log = onServerLog
            options.uri = onRequestLine
            options.handler = onHandle
            options.completed = onCompleted
            options.connection = onConnection
            // Unretained: the server owns the core and outlives the daemon.
            options.cls = Unmanaged.passUnretained(core).toOpaque()
            return fedgate_mhd_start(&options)
        }
        guard let handle else {
            let reason = errno == 0 ? "" : ": " + String(cString: strerror(errno))
            throw ServerFailure(description: "cannot listen on \(configuration.host):\(configuration.port)\(reason)")
        }
        return handle
    }
}
