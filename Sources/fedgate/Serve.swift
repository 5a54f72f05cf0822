internal import Aggregation
internal import Compression
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

/// What `serve` was told.
struct ServeSettings: Sendable {
    let host: String
    let port: UInt16
    let privateAddress: (host: String, port: UInt16)?
    let tokensFile: String?
    let door: DoorConfiguration
    let data: String
    let log: LogSettings
    let rounds: RoundSettings
    let maxBody: Int
    let memory: Int
    let uploadExpiry: Double
    let keepRounds: Int
    let keepBytes: Int
    let contentCodings: [ContentCoding]
    let hasAggregator: Bool
    let maxRetries: Int
    let lines: LogLines
    let drain: Drain

    init(_ settings: Settings) throws(UsageFailure) {
        (host, port) = try Self.address(settings[Catalogue.listen])
        privateAddress = if let text = settings[Catalogue.privateListen] { try Self.address(text) } else { nil }
        tokensFile = settings[Catalogue.tokens]
        door = try Self.door(settings, listensBeyond: host)
        data = settings[Catalogue.data]
        log = LogSettings(settings)
        rounds = RoundSettings(settings)
        maxBody = settings[Catalogue.maxBody]
        memory = settings[Catalogue.memory]
        try Self.check(log.compression, within: memory)
        uploadExpiry = settings[Catalogue.uploadExpiry]
        keepRounds = settings[Catalogue.keepRounds]
        keepBytes = settings[Catalogue.keepBytes]
        contentCodings = settings[Catalogue.contentCodings].compactMap { ContentCoding(rawValue: $0) }
        hasAggregator = settings[Catalogue.hasAggregator] ?? (log.kafka == nil)
        maxRetries = settings[Catalogue.maxRetries]
        lines = LogLines(settings)
        drain = Drain(settings)
    }

    /// What compresses updates shares half of the memory; a single one has to fit, or none would ever be taken.
    private static func check(_ compression: CompressionPolicy, within memory: Int) throws(UsageFailure) {
        let needed = PayloadCompressor.memory(compression, payload: .max)
        guard needed <= memory / 2 else {
            throw UsageFailure(
                "compressing an update by \(compression.name) as set takes \(needed) bytes, and those share half of --memory "
                    + "(\(memory) bytes): give it \(2 * needed) at least, or choose a lower level")
        }
    }

    /// Who comes in; a listener that others reach has to ask who they are.
    private static func door(_ settings: Settings, listensBeyond host: String) throws(UsageFailure) -> DoorConfiguration
    {
        var door = DoorConfiguration()
        door.hasPrivateListener = settings[Catalogue.privateListen] != nil
        door.requestsPerMinute = settings[Catalogue.clientRequests]
        door.bytesPerHour = settings[Catalogue.clientBytes]
        door.corsOrigins = settings[Catalogue.corsOrigins]
        if let path = settings[Catalogue.tokens] {
            do throws(CredentialFailure) { door.tokens = TokenTable(try TokenFile(path).grants) } catch {
                throw UsageFailure("\(error): `fedgate token create --tokens \(path)` makes one")
            }
            return door
        }
        let isHere = host == "::1" || host == "localhost" || host.hasPrefix("127.")
        guard isHere || settings[Catalogue.allowAnonymous] else {
            throw UsageFailure(
                """
                --listen \(host) is reached from other machines, and nobody would have to show who they are: give --tokens FILE \
                (fedgate token create makes it), listen on 127.0.0.1 behind a proxy that checks clients, or say \
                --allow-anonymous
                """)
        }
        return door
    }

    /// `host:port` or `[IPv6]:port`.
    private static func address(_ text: String) throws(UsageFailure) -> (String, UInt16) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            throw UsageFailure("--listen has to be HOST:PORT such as 127.0.0.1:8080, not \(text)")
        }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        return (host == "localhost" ? "127.0.0.1" : host, port)
    }
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
        let gateway = try Gateway(configuration, log: log, board: board, registry: registry, logger: logger)
        defer { gateway.stop() }
        guard gateway.start() else { throw StartFailure(description: "the system gives no thread") }
        var listener = ServerConfiguration()
        listener.host = settings.host
        listener.port = settings.port
        // Every waiting client is a connection. What is left is for the log and for files.
        listener.maxConnections = min(max(openFiles - 1024, 512), 100_000)
        listener.log = { [logger] in logger.log(.debug, "libmicrohttpd: \($0)") }
        let server = try Server.start(listener, router: gateway)
        let host = settings.host.contains(":") ? "[\(settings.host)]" : settings.host
        // A plain line, whatever the log level: scripts wait for it.
        let url = "http://\(host):\(server.port)"
        if settings.lines.format == .text {
            Terminal.error("fedgate: listening on \(url)")
        } else {
            logger.announce("listening", [("url", .text(url))])
        }
        registry.gauge("fedgate_connections", "Connections that are open.") { Double(server.openConnections) }
        let privateServer = try startPrivate(listener, gateway)
        reloadTokens()
        let signal = Drain.waitForSignal(reload, logger)
        logger.info("stopping", [("signal", String(signal))])
        log.beginEnd()
        settings.drain.finishRequests(gateway, server, logger)
        privateServer?.stop(within: .seconds(1))
    }

    private func startPrivate(_ like: ServerConfiguration, _ gateway: Gateway) throws -> Server? {
        guard let address = settings.privateAddress else { return nil }
        var listener = like
        (listener.host, listener.port) = address
        listener.threads = 1
        listener.maxConnections = 512
        let server = try Server.start(listener, router: PrivateRouter(gateway))
        logger.announce("private listener", [("url", .text("http://\(server.address)"))])
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
