internal import Compression
internal import Envelopes
internal import EventLog
internal import MicroHTTP
internal import WeightFormats
internal import Weights

extension Failure {
    /// Weights that the validator refused.
    init(_ failure: WeightFailure) {
        self.init(.malformedWeights, failure.description)
        array = failure.array
        name = failure.name
        offset = failure.offset
        limit = failure.limit
    }

    /// An array of which the query says what cannot be: there is no place in the body.
    init(query failure: WeightFailure) {
        self.init(.badRequest, failure.reason, limit: failure.limit)
    }

    /// What a body's stages and decoder throw.
    init(body error: any Error) {
        switch error {
        case let failure as Failure: self = failure
        case let failure as WeightFailure: self.init(failure)
        case let failure as CompressionFailure: self.init(failure)
        case is UnknownFormat:
            self.init(
                .unsupportedFormat,
                """
                the body begins as none of the formats does that can be told so; say ?format= or Content-Type: \
                \(BodyForm.names)
                """)
        default: self.init(.internalError, String(describing: error))
        }
    }

    /// A content coding that is broken, or expands to too much.
    init(_ failure: CompressionFailure) {
        let layer = failure.layer == 0 ? "" : " of layer \(failure.layer)"
        self.init(
            failure.limit == nil ? .badRequest : .tooLarge,
            "Content-Encoding: \(failure.reason), at byte \(failure.offset)\(layer)")
        offset = failure.offset
        limit = failure.limit
    }

    /// Arrays that are not those of the round.
    init(_ mismatch: ArrayMatch.Mismatch) {
        self.init(.schemaMismatch, mismatch.reason)
        array = mismatch.array
        name = mismatch.name
    }

    /// A log that did not take a record.
    init(_ failure: LogFailure) {
        let kind: FailureKind =
            switch failure.kind {
            case .unreachable, .fenced: .logUnreachable
            case .full: .busy
            case .outcomeUnknown: .outcomeUnknown
            case .tooLarge: .tooLarge
            case .topic, .corrupt: .logTopic
            case .closed: .stopping
            }
        self.init(kind, failure.reason)
    }

    /// A message that does not fit its envelope.
    init(_ failure: EnvelopeFailure) {
        self.init(.badRequest, "\(failure.field): \(failure.reason)", limit: failure.limit)
    }

    /// What the server itself refused.
    init(_ refusal: Refusal) {
        let kind: FailureKind =
            switch refusal {
            case .malformed: .badFraming
            case .expectation: .expectationFailed
            case .version: .unsupportedVersion
            case .slow: .requestTimeout
            case .deadline: .outcomeUnknown
            case .stopping: .stopping
            }
        self.init(kind, refusal.detail)
    }
}
