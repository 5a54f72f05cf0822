/// A flag of a command, as the parser and `--help` know it.
public struct Flag: Sendable, Hashable {
    /// What follows the flag.
    public enum Kind: Sendable, Hashable {
        /// Nothing; `--no-…` says the opposite.
        case toggle
        /// A value, shown under this name.
        case value(String)
    }

    /// With its two hyphens.
    public let name: String
    /// What follows it.
    public let kind: Kind
    /// One line.
    public let help: String
    /// A flag.
    ///
    /// - Parameters:
    ///   - name: with its two hyphens.
    ///   - kind: what follows it.
    ///   - help: one line.
    public init(_ name: String, _ kind: Kind, _ help: String) {
        self.name = name
        self.kind = kind
        self.help = help
    }
}

/// Why a command line is wrong.
public struct UsageFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// For a person: what is wrong, and the nearest right thing.
    public let description: String

    /// A failure.
    ///
    /// - Parameter description: what is wrong, and what would be right.
    public init(_ description: String) { self.description = description }
}
