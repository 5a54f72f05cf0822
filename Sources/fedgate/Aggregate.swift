internal import Aggregation
internal import Configuration
internal import EventLog
internal import Flags
internal import Telemetry

/// `fedgate aggregate`: an aggregator in a process of its own.
extension Command {
    static let aggregate = Command(
        name: "aggregate", operands: "", summary: "Combine the updates of rounds on Kafka and publish the results.",
        flags: [Catalogue.data.setting.asFlag].compactMap { $0 } + LogSettings.flags + RoundSettings.flags
            + LogLines.flags
            + [SettingsSource.config],
        run: { arguments throws(UsageFailure) in
            guard arguments.operands.isEmpty else {
                throw UsageFailure("aggregate takes flags only, not \(arguments.operands[0])")
            }
            let settings = try SettingsSource.read(arguments)
            try SettingsSource.checkProperties(settings)
            guard LogSettings(settings).kafka != nil else {
                throw UsageFailure("aggregate needs --kafka; the embedded log has its aggregator in `fedgate serve`")
            }
            Signals.block()
            let logger = LogLines(settings).makeLogger()
            defer { logger.flush() }
            SettingsSource.warn(settings, logger)
            do {
                try aggregate(settings, logger)
                return 0
            } catch {
                logger.error("cannot aggregate: \(error)")
                return 1
            }
        })

    private static func aggregate(_ settings: Settings, _ logger: Logger) throws {
        let (form, data) = (LogSettings(settings), settings[Catalogue.data])
        let log = try form.open(directory: data, logger)
        defer { log.close(within: .seconds(10)) }
        var configuration = AggregatorConfiguration(
            directory: data + "/contributions", policy: RoundSettings(settings).policy,
            output: form.results,
            maxRecordBytes: try Topics.prepare(log, maxRecordBytes: form.maxRecordBytes, logger),
            maxDecodedBytes: 10 << 30)
        configuration.chunkSize = form.chunkSize
        let aggregator = Aggregator(log: log, configuration: configuration, registry: MetricRegistry(), logger: logger)
        guard aggregator.start() else { throw StartFailure(description: "the system gives no thread") }
        let signal = Drain.waitForSignal(Reload(), logger)
        logger.info("stopping", [("signal", String(signal))])
        aggregator.stop()
    }
}
