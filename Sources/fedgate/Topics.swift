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
        let specs = [TopicName.updates, TopicName.results, TopicName.deadLetters].map {
            TopicName.spec($0, maxRecordBytes: maxRecordBytes)
        }
        let small = [TopicName.control, TopicName.clients].map { TopicName.spec($0, maxRecordBytes: 1 << 20) }
        // What those admit is no bound on weights.
        let limits = try log.prepare(specs + small).filter { limit in specs.contains { $0.name == limit.key } }
        return min(limits.values.map(\.maxRecordBytes).min() ?? maxRecordBytes, maxRecordBytes)
    }
}
