/// The reference's seven message types.
public enum MessageType: String, Sendable, Hashable, CaseIterable {
    case weightUpdate = "weight_update"
    case aggregationResult = "aggregation_result"
    case clientRegistration = "client_registration"
    case trainingCommand = "training_command"
    case statusUpdate = "status_update"
    case healthCheck = "health_check"
    case errorReport = "error_report"
}

/// The two ways in which a message becomes a record (protocol.md, section 4).
public enum EnvelopeKind: String, Sendable, Hashable, CaseIterable {
    /// The reference's JSON object with a base64 payload.
    case json
    /// CloudEvents 1.0, Kafka binding, binary mode.
    case binary
}

/// How a package's payload is compressed.
public enum Compression: String, Sendable, Hashable, CaseIterable {
    case none
    /// RFC 8878.
    case zstd
}

/// What a package's payload is.
public enum DataType: String, Sendable, Hashable, CaseIterable {
    case modelWeights = "model_weights"
    case gradients
    case metadata
    case aggregationResult = "aggregation_result"
    case bytes
}

/// The protocol's topics.
public enum TopicName {
    /// Updates, keyed by the client's id.
    public static let updates = "federated_weight_updates"
    /// Results, keyed by the round.
    public static let results = "federated_aggregation_results"
    /// What could not be read, as it was, with the reason.
    public static let deadLetters = "federated_dead_letter"
}

/// Ids of clients and senders.
public enum Identifier {
    /// Whether a text is an id: 1 to 128 code points, no control characters, no slash (protocol.md, section 4).
    ///
    /// - Parameter id: any text; it is not normalised.
    public static func check(_ id: String) -> Bool {
        let scalars = id.unicodeScalars
        return (1...128).contains(scalars.count)
            && scalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f && $0 != "/" }
    }
}

/// Why a package or a message cannot be read or written.
public struct EnvelopeFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// The field concerned, by the protocol's name.
    public var field: String
    /// What was found and what is admitted.
    public var reason: String
    /// Byte of the package or message at which the field stands, where that helps.
    public var offset: Int?

    /// A failure.
    ///
    /// - Parameters:
    ///   - field: by the protocol's name.
    ///   - reason: what was found and what is admitted.
    ///   - offset: byte of the package or message.
    public init(field: String, reason: String, offset: Int? = nil) {
        self.field = field
        self.reason = reason
        self.offset = offset
    }

    /// For a person.
    public var description: String { "\(field): \(reason)" + (offset.map { ", at byte \($0)" } ?? "") }
}
