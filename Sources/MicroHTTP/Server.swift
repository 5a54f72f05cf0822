internal import CMicrohttpd
internal import Certificates
internal import Synchronization
internal import Threads

/// An HTTP/1.1 server on libmicrohttpd.
///
/// It keeps itself alive until `stop`.
///
/// Thread: any.
public final class Server: Sendable {
    private enum End {
        case running, stopping, stopped
    }

    /// The port it listens on.
    public let port: UInt16
    /// Host and port as in a URL.
    public let address: String

    private let core: ServerCore
    private nonisolated(unsafe) let daemon: OpaquePointer
    private let listener: Int32
    private let end = Monitor(End.running)

    private init(_ core: ServerCore, _ daemon: OpaquePointer, _ listener: Int32, _ port: UInt16) {
        self.core = core
        self.daemon = daemon
        self.listener = listener
        self.port = port
        let host = core.configuration.host
        address = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// Listens, and serves until `stop`.
    ///
    /// - Parameters:
    ///   - configuration: addresses and limits.
    ///   - router: asked about every request; kept until `stop`.
    public static func start(
        _ configuration: ServerConfiguration, router: any RequestRouter
    ) throws(ServerFailure) -> Server {
        let running = String(cString: MHD_get_version())
        // The enumerations of the header are closed; a value from an unknown major version would be undefined.
        // 0.9.75 and 1.0.1 were tried, also one built against and the other running.
        guard ["0", "1"].contains(running.split(separator: ".").first) else { throw .wrongLibrary(running: running) }
        guard configuration.tls == nil || MHD_is_feature_supported(.FEATURE_SSL) == .YES else { throw .noTLS }
        let (listener, port) = try Listener.open(configuration)
        guard let timers = TimerQueue(name: "http-timer") else {
            Listener.discard(listener)
            throw .cannotStart("no thread for the timer")
        }
        let core = ServerCore(configuration, router, timers, parsesInPlace: running.hasPrefix("0."))
        guard let daemon = start(core, listener) else {
            timers.stop()
            Listener.discard(listener)
            throw .cannotStart(core.message)
        }
        let server = Server(core, daemon, listener, port)
        _ = Unmanaged.passRetained(core)
        core.watch()
        return server
    }

    private static func start(_ core: ServerCore, _ listener: Int32) -> OpaquePointer? {
        let configuration = core.configuration
        var settings = cmhd_settings()
        settings.listener = listener
        settings.threads = UInt32(clamping: configuration.threads)
        settings.memory = max(4096, configuration.connectionMemory)
        settings.connections = UInt32(clamping: max(configuration.maxConnections, configuration.threads))
        settings.connections_per_address = UInt32(clamping: configuration.maxConnectionsPerAddress ?? 0)
        let (seconds, rest) = configuration.idleTimeout.components
        settings.timeout = UInt32(clamping: max(1, seconds + (rest > 0 ? 1 : 0)))
        settings.context = Unmanaged.passUnretained(core).toOpaque()
        settings.log = libraryLogged
        settings.target = exchangeBegan
        settings.unescape = leaveCoded
        settings.handler = exchangeContinued
        settings.completed = exchangeEnded
        settings.connection = connectionChanged
        guard configuration.tls != nil else { return cmhd_start(&settings) }
        return TLSSession.priorities.withCString { priorities in
            settings.priorities = priorities
            return cmhd_start(&settings)
        }
    }

    /// Connections that are open now.
    public var openConnections: Int { core.openConnections }

    /// Requests whose headers came and whose answer is not out.
    public var activeExchanges: Int { core.activeExchanges }

    /// Stops: refuses new connections and requests, lets the others finish, then fails what is left.
    ///
    /// Blocks until all is over. A second call waits for the first. Not from a router or handler.
    ///
    /// - Parameter time: how long exchanges may go on; what is left is answered with 503, and gets two seconds more to
    ///   send that.
    public func stop(within time: Duration) {
        let isFirst = end.change { end in
            defer { if end == .running { end = .stopping } }
            return end == .running
        }
        guard isFirst else {
            _ = end.wait { $0 == .stopped ? true : nil }
            return
        }
        core.change(to: .stopping)
        Listener.close(inPlace: listener)
        // Streams never end by themselves.
        for connection in core.everyConnection { _ = connection.exchange?.endStream() }
        core.drain(within: time)
        // From here on nothing is suspended any more, and what is suspended wakes: the daemon aborts otherwise.
        core.change(to: .failing)
        for connection in core.everyConnection { connection.exchange?.end(with: .stopping, .stopped) }
        core.drain(within: .seconds(2))
        core.timers.stop()
        for connection in core.everyConnection { connection.shutdown() }
        MHD_stop_daemon(daemon)
        Unmanaged.passUnretained(core).release()
        end.change { $0 = .stopped }
    }
}
