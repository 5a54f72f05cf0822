internal import Aggregation
internal import EventLog
internal import Flags
internal import Telemetry

/// `fedgate aggregate`: an aggregator in a process of its own.
extension Command {
    static let aggregate = Command(
        name: "aggregate", operands: "", summary: "Combine the updates of rounds on Kafka and publish the results.",
        flags: [
            Flag(
                "--data", .value("DIR"), "where updates are kept while their round is open (./fedgate-data)",
                key: "storage.data")
        ]
            + LogFlags.all + RoundFlags.all + [
                LogFlags.level, LogLines.format, Settings.config,
            ],
        run: { arguments throws(UsageFailure) in
            guard arguments.operands.isEmpty else {
                throw UsageFailure("aggregate takes flags only, not \(arguments.operands[0])")
            }
            let flags = try LogFlags(arguments)
            let rounds = try RoundFlags(arguments)
            guard flags.kafka != nil else {
                throw UsageFailure("aggregate needs --kafka; the embedded log has its aggregator in `fedgate serve`")
            }
            let lines = try LogLines(arguments)
            Signals.block()
            let logger = lines.makeLogger()
            defer { logger.flush() }
            do {
                try aggregate(flags, rounds, arguments["--data"] ?? "fedgate-data", logger)
                return 0
            } catch {
                logger.error("cannot aggregate: \(error)")
                return 1
            }
        })

    private static func aggregate(
        _ flags: LogFlags, _ rounds: RoundFlags, _ data: String, _ logger: Logger
    ) throws {
        let log = try flags.open(directory: data, logger)
        defer { log.close(within: .seconds(10)) }
        var configuration = AggregatorConfiguration(
            directory: data + "/contributions", policy: rounds.policy,
            output: ResultForm(envelope: flags.envelope, compression: flags.compression),
            maxRecordBytes: try Topics.prepare(log, logger), maxDecodedBytes: 10 << 30)
        configuration.chunkSize = flags.chunkSize
        let aggregator = Aggregator(log: log, configuration: configuration, registry: MetricRegistry(), logger: logger)
        guard aggregator.start() else { throw StartFailure(description: "the system gives no thread") }
        let signal = Drain.waitForSignal(Reload(), logger)
        logger.info("stopping", [("signal", String(signal))])
        aggregator.stop()
    }
}
