/// How a message is laid out in a record of the log (protocol.md, section 4); every reader takes both.
public enum EnvelopeKind: String, Sendable, Hashable, CaseIterable {
    /// The reference's JSON object with a base64 payload.
    case json
    /// CloudEvents in Kafka's binary mode: the fields are headers, the value is the payload.
    case binary
}
