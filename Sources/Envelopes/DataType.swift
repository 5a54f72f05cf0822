/// What a package's payload means; readers take any of them in any message.
public enum DataType: String, Sendable, Hashable, CaseIterable {
    /// A model's weights.
    case modelWeights = "model_weights"
    /// Gradients, or another difference of weights.
    case gradients
    /// A JSON value.
    case metadata
    /// The weights that a round came to.
    case aggregationResult = "aggregation_result"
    /// Anything else.
    case bytes
}
