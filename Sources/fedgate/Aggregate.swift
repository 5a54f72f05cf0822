internal import Aggregation
internal import Configuration
internal import EventLog
internal import Flags
internal import Gateway
internal import MicroHTTP
internal import Telemetry

/// `fedgate aggregate`: an aggregator in a process of its own.
extension Command {
    static let aggregate = Command(
        name: "aggregate", operands: "", summary: "Combine the updates of rounds on Kafka and publish the results.",
        flags: [Catalogue.data.setting, Catalogue.privateListen.setting, Catalogue.drainTimeout.setting]
            .compactMap(\.asFlag) + LogSettings.flags + RoundSettings.flags + LogLines.flags + [SettingsSource.config],
        run: { arguments throws(UsageFailure) in
            guard arguments.operands.isEmpty else {
                throw UsageFailure("aggregate takes flags only, not \(arguments.operands[0])")
            }
            let settings = try SettingsSource.read(arguments)
            try SettingsSource.checkProperties(settings)
            guard LogSettings(settings).kafka != nil else {
                throw UsageFailure("aggregate needs --kafka; the embedded log has its aggregator in `fedgate serve`")
            }
            let address = try ServeSettings.privateAddress(settings)
            Signals.block()
            let logger = LogLines(settings).makeLogger()
            defer { logger.flush() }
            let reload = Reload()
            SettingsSource.warn(settings, logger)
            SettingsSource.reloadLevel(of: logger, reload)
            do {
                try AggregatorProcess(settings, address, logger, reload).run()
                return 0
            } catch {
                logger.error("cannot aggregate: \(error)")
                return 1
            }
        })
}

/// An aggregator that runs, and what monitoring asks it.
private struct AggregatorProcess {
    let settings: Settings
    let address: (host: String, port: UInt16)?
    let logger: Logger
    let reload: Reload

    init(_ settings: Settings, _ address: (host: String, port: UInt16)?, _ logger: Logger, _ reload: Reload) {
        self.settings = settings
        self.address = address
        self.logger = logger
        self.reload = reload
    }

    /// Returns after a signal, when everything is stopped.
    func run() throws {
        let registry = MetricRegistry()
        ProcessMetrics.register(in: registry, version: Fedgate.version)
        logger.register(in: registry)
        let log = try LogSettings(settings).open(directory: settings[Catalogue.data], logger, registry)
        // What was not published is published by who takes over: nothing is lost with it.
        defer { log.close(within: Drain(settings).timeout) }
        // Before the log is there: an aggregator that waits for it can be asked why.
        let monitor = AggregatorMonitor(log, registry: registry)
        defer { monitor.stop() }
        guard monitor.start() else { throw StartFailure(description: "the system gives no thread") }
        let server = try listen(monitor)
        defer { server?.stop(within: .seconds(1)) }
        let aggregator = try makeAggregator(log, registry)
        guard aggregator.start() else { throw StartFailure(description: "the system gives no thread") }
        monitor.watch(aggregator)
        let signal = Drain.waitForSignal(reload, logger)
        logger.info("stopping", [("signal", String(signal))])
        Drain(settings).guardEnd(logger)
        monitor.beginStopping()
        aggregator.stop()
    }

    private func listen(_ monitor: AggregatorMonitor) throws -> Server? {
        guard let address else { return nil }
        var listener = ServerConfiguration()
        (listener.host, listener.port) = address
        listener.threads = 1
        listener.maxConnections = 512
        listener.log = { [logger] in logger.log(.debug, "libmicrohttpd: \($0)") }
        let server = try Server.start(listener, router: monitor)
        logger.announce("private listener") { $0.text("url", "http://\(server.address)") }
        return server
    }

    private func makeAggregator(_ log: any EventLog, _ registry: MetricRegistry) throws -> Aggregator {
        let form = LogSettings(settings)
        var configuration = AggregatorConfiguration(
            directory: settings[Catalogue.data] + "/contributions", policy: RoundSettings(settings).policy,
            output: form.results,
            maxRecordBytes: try Topics.prepare(log, maxRecordBytes: form.maxRecordBytes, logger),
            maxDecodedBytes: 10 << 30)
        configuration.chunkSize = form.chunkSize
        return Aggregator(log: log, configuration: configuration, registry: registry, logger: logger)
    }
}
