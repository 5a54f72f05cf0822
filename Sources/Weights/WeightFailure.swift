/// Why weights were refused, with the place: the client can mend its encoder from this alone.
public struct WeightFailure: Error, Sendable, Hashable {
    /// For a person: the field, what was found and what is admitted.
    public var reason: String
    /// Byte offset into the decoded body at which the refused field begins.
    public var offset: UInt64
    /// Index of the array concerned.
    public var array: Int?
    /// The limit that was passed, where one was.
    public var limit: UInt64?

    /// A refusal.
    ///
    /// - Parameters:
    ///   - reason: field, value and what is admitted.
    ///   - offset: bytes from the start of the decoded body.
    ///   - array: index of the array concerned.
    ///   - limit: the limit that was passed.
    public init(_ reason: String, at offset: UInt64, array: Int? = nil, limit: UInt64? = nil) {
        self.reason = reason
        self.offset = offset
        self.array = array
        self.limit = limit
    }
}
