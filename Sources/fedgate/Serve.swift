internal import Aggregation
internal import Configuration
internal import Credentials
internal import Envelopes
internal import EventLog
internal import Flags
internal import Gateway
internal import Glibc
internal import MicroHTTP
internal import SQLiteLog
internal import Telemetry

/// `fedgate serve`: the composition root of the gateway.
///
/// Started in the order telemetry, log, aggregator, gateway, HTTP, and stopped in the reverse.
extension Command {
    static let serve = Command(
        name: "serve", operands: "", summary: "Serve HTTP: take updates, keep results, answer questions.",
        flags: Catalogue.all.compactMap(\.asFlag) + [SettingsSource.config],
        run: { arguments throws(UsageFailure) in
            guard arguments.operands.isEmpty else {
                throw UsageFailure("serve takes flags only, not \(arguments.operands[0])")
            }
            let said = try SettingsSource.read(arguments)
            try SettingsSource.checkProperties(said)
            let settings = try ServeSettings(said)
            Signals.block()
            let openFiles = OpenFiles.raiseLimit()
            let logger = settings.lines.makeLogger()
            defer { logger.flush() }
            let reload = Reload()
            SettingsSource.warn(said, logger)
            SettingsSource.reloadLevel(of: logger, reload)
            do {
                return try Service(settings, logger, reload).run(openFiles)
            } catch {
                logger.error("cannot serve: \(error)")
                return 1
            }
        })
}

/// A gateway that runs.
private struct Service {
    let settings: ServeSettings
    let logger: Logger
    let reload: Reload

    init(_ settings: ServeSettings, _ logger: Logger, _ reload: Reload) {
        self.reload = reload
        self.settings = settings
        self.logger = logger
    }

    /// Returns after a signal, when everything is stopped, with the exit code.
    func run(_ openFiles: Int) throws -> Int32 {
        let registry = MetricRegistry()
        ProcessMetrics.register(in: registry, version: Fedgate.version)
        logger.register(in: registry)
        let log = MeteredLog(
            try settings.log.open(directory: settings.data, logger, registry), topics: TopicName.all, registry)
        do {
            try serve(log, registry, openFiles)
        } catch {
            log.close(within: settings.drain.timeout)
            throw error
        }
        log.close(within: settings.drain.timeout)
        return Drain.conclude(log.undelivered, logger)
    }

    private func serve(_ log: MeteredLog, _ registry: MetricRegistry, _ openFiles: Int) throws {
        let maxRecordBytes = try Topics.prepare(log, maxRecordBytes: settings.log.maxRecordBytes, logger)
        let board = RoundBoard()
        let aggregator = try startAggregator(log, board, registry, maxRecordBytes)
        defer { aggregator?.stop() }
        var configuration = GatewayConfiguration(
            directory: settings.data + "/results",
            uploads: UploadForm(envelope: settings.log.envelope, compression: settings.log.compression),
            minUpdates: settings.rounds.policy.minUpdates, roundDeadline: settings.rounds.policy.roundDeadline,
            maxBody: settings.maxBody, maxDecodedBytes: 10 << 30, maxRecordBytes: maxRecordBytes,
            memory: settings.memory)
        configuration.chunkSize = settings.log.chunkSize
        configuration.keepRounds = settings.keepRounds
        configuration.keepBytes = settings.keepBytes
        configuration.contentCodings = settings.contentCodings
        configuration.accessLog = settings.lines.access
        configuration.maxRetries = settings.maxRetries
        configuration.version = Fedgate.version
        configuration.door = settings.door
        configuration.uploadExpiry = .seconds(settings.uploadExpiry)
        configuration.maxWait = settings.maxWait
        let gateway = try Gateway(configuration, log: log, board: board, registry: registry, logger: logger)
        defer { gateway.stop() }
        guard gateway.start() else { throw StartFailure(description: "the system gives no thread") }
        let tls = try settings.tls.map { try ListenerTLS($0) }
        var listener = ServerConfiguration()
        listener.tls = tls?.terms
        ListenerTLS.register(tls, in: registry)
        listener.host = settings.host
        listener.port = settings.port
        // Every waiting client is a connection. What is left is for the log and for files.
        listener.maxConnections = min(max(openFiles - 1024, 512), 100_000)
        listener.log = { [logger] in logger.log(.debug, "libmicrohttpd: \($0)") }
        // Before the first one says that it is there.
        let privateServer = try startPrivate(listener, gateway)
        defer { privateServer?.stop(within: .seconds(1)) }
        let server = try Server.start(listener, router: gateway)
        let host = settings.host.contains(":") ? "[\(settings.host)]" : settings.host
        // A plain line, whatever the log level: scripts wait for it.
        let url = "\(tls == nil ? "http" : "https")://\(host):\(server.port)"
        if settings.lines.format == .text {
            Terminal.error("fedgate: listening on \(url)")
        } else {
            logger.announce("listening") { $0.text("url", url) }
        }
        registry.gauge("fedgate_connections", "Connections that are open.") { Double(server.openConnections) }
        reloadTokens()
        tls?.watch(reload, logger)
        if settings.showsTokens {
            logger.warning(
                "tokens come in the clear: --tls-certificate has the gateway speak TLS, unless a proxy in front does")
        }
        let signal = Drain.waitForSignal(reload, logger)
        logger.info("stopping", [("signal", String(signal))])
        log.beginEnd()
        settings.drain.finishRequests(gateway, server, logger)
    }

    private func startPrivate(_ like: ServerConfiguration, _ gateway: Gateway) throws -> Server? {
        guard let address = settings.privateAddress else { return nil }
        var listener = like
        (listener.host, listener.port) = address
        listener.tls = nil
        listener.threads = 1
        listener.maxConnections = 512
        let server = try Server.start(listener, router: PrivateRouter(gateway))
        logger.announce("private listener") { $0.text("url", "http://\(server.address)") }
        return server
    }

    /// Has SIGHUP read the file of tokens anew; a broken one leaves the old tokens in force.
    private func reloadTokens() {
        guard let path = settings.tokensFile, let table = settings.door.tokens else { return }
        reload.add("tokens") {
            table.replace(try TokenFile(path).grants)
            return "\(table.count) tokens"
        }
    }

    private func startAggregator(
        _ log: any EventLog, _ board: RoundBoard, _ registry: MetricRegistry, _ maxRecordBytes: Int
    ) throws -> Aggregator? {
        guard settings.hasAggregator else { return nil }
        var configuration = AggregatorConfiguration(
            directory: settings.data + "/contributions", policy: settings.rounds.policy,
            output: settings.log.results,
            maxRecordBytes: maxRecordBytes, maxDecodedBytes: 10 << 30)
        configuration.chunkSize = settings.log.chunkSize
        let aggregator = Aggregator(
            log: log, configuration: configuration, board: board, registry: registry, logger: logger)
        guard aggregator.start() else { throw StartFailure(description: "the system gives no thread") }
        return aggregator
    }
}

/// Why a command cannot start.
struct StartFailure: Error, CustomStringConvertible {
    let description: String
}
