/// How a line looks.
public enum LogFormat: String, Sendable, CaseIterable {
    /// For people: `2026-01-31T12:00:00.250Z info message name=value`.
    case text
    /// For machines: an object with `timestamp`, `level`, `message` and the fields.
    case json
}
