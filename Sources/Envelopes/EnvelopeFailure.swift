/// Why a message or a package was refused, or cannot be written.
public struct EnvelopeFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// The protocol's name of the field; a package's own fields have the prefix `package.`, record headers their name.
    public var field: String
    /// For a person: what was found and what is admitted.
    public var reason: String
    /// Where, in bytes: for a field of the package within the package, else within the record's value.
    public var offset: Int?
    /// The limit that was passed, where one was.
    public var limit: UInt64?

    /// A refusal.
    ///
    /// - Parameters:
    ///   - field: the protocol's name of the field.
    ///   - reason: what was found and what is admitted.
    ///   - offset: where, in bytes.
    ///   - limit: the limit that was passed.
    public init(_ field: String, _ reason: String, at offset: Int? = nil, limit: UInt64? = nil) {
        self.field = field
        self.reason = reason
        self.offset = offset
        self.limit = limit
    }

    /// All of it in one line.
    public var description: String {
        "\(field): \(reason)" + (offset.map { " (at byte \($0))" } ?? "")
    }
}
