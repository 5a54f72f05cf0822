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
    /// Its name in the settings file, such as `http.listen`; nil when it cannot stand there.
    public let key: String?

    /// A flag.
    ///
    /// - Parameters:
    ///   - name: with its two hyphens.
    ///   - kind: what follows it.
    ///   - help: one line.
    ///   - key: its name in the settings file.
    public init(_ name: String, _ kind: Kind, _ help: String, key: String? = nil) {
        self.name = name
        self.kind = kind
        self.help = help
        self.key = key
    }

    /// The environment variable that says the same, such as `FEDGATE_HTTP_LISTEN`.
    public var variable: String? {
        key.map { "FEDGATE_" + $0.uppercased().replacing(".", with: "_") }
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
