/// Why a log did not do what it was asked.
///
/// What the caller may conclude is the kind; the reason is for a person.
public struct LogFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// What the caller may conclude.
    public enum Kind: Sendable, Hashable {
        /// Nothing was stored and the log cannot be reached now; try again later.
        case unreachable
        /// The log takes no more for now: its queue, its budget or its disk is full. Nothing was stored.
        case full
        /// No answer in time: the record may or may not be stored.
        case outcomeUnknown
        /// The record is larger than the topic admits. Nothing was stored.
        case tooLarge
        /// The topic is missing, or this process may not use it.
        case topic
        /// Another process took over what this one was holding.
        case fenced
        /// The log was closed.
        case closed
        /// Stored bytes that cannot be read back.
        case corrupt
    }

    /// What the caller may conclude.
    public var kind: Kind
    /// For a person; never a secret, never payload.
    public var reason: String

    /// A failure.
    ///
    /// - Parameters:
    ///   - kind: what the caller may conclude.
    ///   - reason: for a person.
    public init(_ kind: Kind, _ reason: String) {
        self.kind = kind
        self.reason = reason
    }

    /// For a person.
    public var description: String { reason }
}
