/// All settings that there are.
///
/// From here come the flags of `serve` and `aggregate`, the variables, the checks of files, docs/configuration.md and the
/// sample file.
public enum Catalogue {
    /// Settings that belong together.
    public struct Section: Sendable {
        /// Its key in a file.
        public let name: String
        /// One line.
        public let about: String
        /// In the order in which they are shown.
        public let settings: [Setting]
    }

    /// In the order in which they are shown.
    public static let sections = [
        Section(name: "http", about: "The listener and what it answers.", settings: http),
        Section(name: "auth", about: "Who comes in.", settings: auth),
        Section(name: "limits", about: "What one client may take of the gateway.", settings: limits),
        Section(name: "storage", about: "What is on the disk.", settings: storage),
        Section(name: "aggregation", about: "When and where a round's updates are combined.", settings: aggregation),
        Section(name: "kafka", about: "The log, when it is not the embedded one.", settings: kafka),
        Section(name: "serialization", about: "How weights are written to the log.", settings: serialization),
        Section(name: "communication", about: "How long to try.", settings: communication),
        Section(name: "performance", about: "What is measured.", settings: performance),
        Section(name: "log", about: "The program's own lines.", settings: log),
        Section(name: "security", about: "Encryption of payloads.", settings: security),
        Section(name: "privacy", about: "Noise in what is published.", settings: privacy),
    ]

    /// All of all sections.
    public static let all = sections.flatMap { $0.settings }

    /// The setting of that name.
    static func named(_ name: String) -> Setting? { all.first { $0.name == name } }

    /// What is said at start of a setting that is there and of no effect; of these values only, where some are given.
    static func warns(_ text: String, on values: [String]? = nil) -> Setting.Remark {
        Setting.Remark(values: values, weight: .warning, text: text)
    }

    /// Why nothing starts with one of these values.
    static func refuses(_ text: String, on values: [String]) -> Setting.Remark {
        Setting.Remark(values: values, weight: .error, text: text)
    }
}
