/// What a message is about: the reference's seven types, under its names.
public enum MessageType: String, Sendable, Hashable, CaseIterable {
    /// A client's weights or gradients for a round.
    case weightUpdate = "weight_update"
    /// The weights that a round came to.
    case aggregationResult = "aggregation_result"
    /// A client says what it is.
    case clientRegistration = "client_registration"
    /// The gateway tells clients what to do.
    case trainingCommand = "training_command"
    /// A client says how far it is.
    case statusUpdate = "status_update"
    /// A client says that it is alive.
    case healthCheck = "health_check"
    /// A client says what went wrong.
    case errorReport = "error_report"
}
