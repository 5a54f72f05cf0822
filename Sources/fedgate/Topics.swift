internal import Envelopes
internal import EventLog
internal import Telemetry

/// The protocol's topics as a log has to have them.
enum Topics {
    /// Prepares all of them, as soon as the log can be reached, and gives the smallest limit on records.
    ///
    /// - Parameter maxRecordBytes: of topics that are made, and of records whatever topics admit.
    ///
    /// Brokers may start later than this program, or be away just now: that is no reason to end.
    static func prepare(_ log: any EventLog, maxRecordBytes: Int, _ logger: Logger) throws -> Int {
        while true {
            do throws(LogFailure) {
                return try prepare(log, maxRecordBytes)
            } catch {
                guard error.kind == .unreachable else { throw error }
                logger.warning("the log cannot be reached; trying again", [("reason", error.reason)])
                if Signals.cameWithinASecond() { throw StartFailure(description: "ended while the log was away") }
            }
        }
    }

    private static func prepare(_ log: any EventLog, _ maxRecordBytes: Int) throws(LogFailure) -> Int {
        let specs = [
            TopicSpec(name: TopicName.updates, partitions: 4, maxRecordBytes: maxRecordBytes),
            // One partition: then all readers agree on which result of a round is the first.
            TopicSpec(name: TopicName.results, partitions: 1, maxRecordBytes: maxRecordBytes),
            TopicSpec(name: TopicName.deadLetters, partitions: 1, maxRecordBytes: maxRecordBytes),
        ]
        let small = [
            // One partition: then commands have one order.
            TopicSpec(name: TopicName.control, partitions: 1, maxRecordBytes: 1 << 20),
            TopicSpec(name: TopicName.clients, partitions: 4, maxRecordBytes: 1 << 20),
        ]
        // What those admit is no bound on weights.
        let limits = try log.prepare(specs + small).filter { limit in specs.contains { $0.name == limit.key } }
        return min(limits.values.map(\.maxRecordBytes).min() ?? maxRecordBytes, maxRecordBytes)
    }
}
