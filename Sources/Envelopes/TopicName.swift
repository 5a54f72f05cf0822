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
}
