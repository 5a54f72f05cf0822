public import Flags

/// A setting, as the documentation and the readers of files and variables know it.
public struct Setting: Sendable {
    /// Which values there are.
    public enum Form: Sendable, Hashable {
        /// Any text, shown under this name.
        case text(String)
        /// Several, as a list or with commas between, each shown under this name.
        case list(String)
        /// A number of bytes, such as `64MiB`.
        case bytes(ClosedRange<Int>)
        /// A whole number.
        case integer(ClosedRange<Int>)
        /// A number with its unit; nought only when it is in the range.
        case number(ClosedRange<Double>, unit: String)
        /// `true` or `false`.
        case toggle
        /// One of some words.
        case choice([String])
    }

    /// What is to be said of some values of a setting whose feature is not there, or is always there.
    public struct Remark: Sendable {
        /// How much it matters.
        public enum Weight: Sendable {
            /// Said at start.
            case warning
            /// Silence would do harm: nothing starts.
            case error
        }

        /// Said when one of these is set; nil means whatever is set.
        let values: [String]?
        let weight: Weight
        /// What happens instead, and what to do.
        let text: String
    }

    /// Such as `http.listen`.
    public let name: String
    /// Which values there are.
    public let form: Form
    /// As it would be written in a file; nil when leaving it out says something that no value says.
    public let standard: String?
    /// The default in words, where no value says it.
    public let otherwise: String
    /// The flag of the same meaning, with its hyphens.
    public let flag: String?
    /// One line.
    public let about: String
    let remarks: [Remark]

    /// The part before the first dot.
    public var section: String { String(name.prefix { $0 != "." }) }
    /// The part behind it.
    public var member: String { String(name.dropFirst(section.count + 1)) }
    /// The environment variable that says the same, such as `FEDGATE_HTTP_LISTEN`.
    public var variable: String { Self.variable(name) }
    /// The default as `--help` and the documentation show it.
    public var shownDefault: String { otherwise.isEmpty ? standard ?? "" : otherwise }

    static func variable(_ name: String) -> String {
        "FEDGATE_" + name.uppercased().replacing(".", with: "_")
    }

    /// The flag for a command's parser; nil when there is none.
    public var asFlag: Flag? {
        guard let flag else { return nil }
        let kind: Flag.Kind =
            switch form {
            case .text(let what), .list(let what): .value(what)
            case .bytes: .value("BYTES")
            case .integer: .value("N")
            case .number(_, let unit): .value(unit.uppercased())
            case .toggle: .toggle
            case .choice(let words): .value(words.joined(separator: "|"))
            }
        return Flag(flag, kind, "\(about) (\(toggled(shownDefault)))")
    }

    private func toggled(_ text: String) -> String {
        guard form == .toggle else { return text }
        return text == "true" ? "yes" : text == "false" ? "no" : text
    }
}
