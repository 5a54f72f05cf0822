extension String {
    /// The beginning of a text that a client sent, short enough for an answer.
    ///
    /// Scalars are counted, since what is seen as one character may have any number of them.
    public var excerpt: String {
        let start = unicodeScalars.prefix(64)
        return start.endIndex == unicodeScalars.endIndex ? self : String(start) + "…"
    }

    /// The beginning of a text that a client sent, in quotes, for a sentence about it.
    public var quoted: String { excerpt.debugDescription }
}
