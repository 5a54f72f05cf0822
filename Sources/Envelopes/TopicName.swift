public import EventLog

/// The topics of the protocol, under their default names.
public enum TopicName {
    /// Clients' updates.
    public static let updates = "federated_weight_updates"
    /// What the rounds came to.
    public static let results = "federated_aggregation_results"
    /// Training commands.
    public static let control = "federated_control"
    /// Registrations, status, health and errors.
    public static let clients = "federated_clients"
    /// Records that a reader could not use.
    public static let deadLetters = "federated_dead_letter"
    /// All of them.
    public static let all = [updates, results, control, clients, deadLetters]

    /// How many partitions each has: one where all readers have to agree on an order, of commands, and on which result of a round
    /// is the first.
    private static let partitions: [String: Int32] = [updates: 4, results: 1, control: 1, clients: 4, deadLetters: 1]

    /// What a topic is to be like.
    ///
    /// - Parameters:
    ///   - topic: one of these.
    ///   - maxRecordBytes: of the largest record, where the topic has to be made.
    public static func spec(_ topic: String, maxRecordBytes: Int) -> TopicSpec {
        TopicSpec(name: topic, partitions: partitions[topic] ?? 1, maxRecordBytes: maxRecordBytes)
    }
}
