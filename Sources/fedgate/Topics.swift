internal import Envelopes
internal import EventLog

/// The protocol's topics as a log has to have them.
enum Topics {
    /// Large enough for a JSON message of 10 MB of weights.
    static let maxRecordBytes = 16 << 20

    /// Prepares all of them and gives the smallest limit on records.
    static func prepare(_ log: any EventLog) throws(LogFailure) -> Int {
        let specs = [
            TopicSpec(name: TopicName.updates, partitions: 4, maxRecordBytes: maxRecordBytes),
            // One partition: then all readers agree on which result of a round is the first.
            TopicSpec(name: TopicName.results, partitions: 1, maxRecordBytes: maxRecordBytes),
            TopicSpec(name: TopicName.deadLetters, partitions: 1, maxRecordBytes: maxRecordBytes),
        ]
        let limits = try log.prepare(specs)
        return limits.values.map(\.maxRecordBytes).min() ?? maxRecordBytes
    }
}
