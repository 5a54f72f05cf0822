public import Flags

/// What was set, and where: flags over environment over file over defaults.
public struct Settings: Sendable {
    /// Where a value came from.
    public enum Source: Sendable, Hashable, CustomStringConvertible {
        /// The command line.
        case flag(String)
        /// The environment.
        case variable(String)
        /// A file and a line of it, from 1.
        case file(String, Int)

        /// For a person.
        public var description: String {
            switch self {
            case .flag(let name): name
            case .variable(let name): name
            case .file(let path, let line): "\(path):\(line)"
            }
        }
    }

    /// A value as it was written.
    public struct Value: Sendable, Hashable {
        /// As it was written; the members of a list with commas between.
        public let text: String
        /// Where.
        public let source: Source
    }

    /// By the setting's name; what nobody set is not there.
    public private(set) var values: [String: Value] = [:]
    /// Properties of librdkafka, by their own names.
    public private(set) var properties: [String: Value] = [:]
    /// What is to be said at start: of settings whose feature is not there, and of variables that mean nothing.
    public private(set) var warnings: [String] = []

    /// Puts together what was said, and checks all of it.
    ///
    /// - Parameters:
    ///   - arguments: of a command whose flags are those of the catalogue.
    ///   - environment: names and values.
    ///   - file: of settings.
    /// - Throws: `UsageFailure` that lists all mistakes, each with its place, what would be right, and the nearest known name.
    public init(_ arguments: Arguments, environment: [String: String], file: SettingsFile?) throws(UsageFailure) {
        var mistakes: [String] = []
        readFile(file, &mistakes)
        readEnvironment(environment)
        readFlags(arguments)
        for setting in Catalogue.all {
            guard let value = values[setting.name] else { continue }
            check(setting, value, &mistakes)
        }
        mistakes += Contradiction.all(in: self)
        guard mistakes.isEmpty else { throw Self.failure(mistakes) }
        warnings += remarks(.warning)
    }

    /// The value of a setting, or its default.
    ///
    /// - Parameter key: of the catalogue.
    public subscript<T>(key: Key<T>) -> T {
        values[key.setting.name].flatMap { key.read($0.text) } ?? key.standard
    }

    /// How an error names a setting: by where its value came from.
    func place(_ name: String) -> String {
        switch values[name]?.source {
        case .file(let path, let line): "\(path):\(line): \(name)"
        case .flag(let text), .variable(let text): text
        case nil: name
        }
    }

    // MARK: sources, from the weakest

    private mutating func readFile(_ file: SettingsFile?, _ mistakes: inout [String]) {
        guard let file else { return }
        for entry in file.entries {
            let value = Value(text: entry.value, source: .file(file.path, entry.line))
            if let property = Passthrough.property(ofKey: entry.key) {
                properties[property] = value
            } else if let setting = Catalogue.named(entry.key) {
                if entry.isList, case .list = setting.form {
                } else if entry.isList {
                    mistakes.append("\(value.source): \(entry.key) has one value, not a list")
                    continue
                }
                values[entry.key] = value
            } else if !(entry.value.isEmpty && Self.isGroup(entry.key)) {
                mistakes.append("\(value.source): \(Self.unknown(entry.key))")
            }
        }
    }

    private mutating func readEnvironment(_ environment: [String: String]) {
        for setting in Catalogue.all {
            guard let text = environment[setting.variable] else { continue }
            values[setting.name] = Value(text: text, source: .variable(setting.variable))
        }
        for (name, text) in environment.sorted(by: { $0.key < $1.key }) where name.hasPrefix("FEDGATE_") {
            if let property = Passthrough.property(ofVariable: name) {
                properties[property] = Value(text: text, source: .variable(name))
            } else if !Catalogue.all.contains(where: { $0.variable == name }) {
                // Others may have a use for such a name, and Kubernetes makes some up; a near miss is worth a word.
                let hint = Nearest.hint(name, Catalogue.all.map { $0.variable })
                if !hint.isEmpty { warnings.append("the variable \(name) means nothing here\(hint)") }
            }
        }
    }

    private mutating func readFlags(_ arguments: Arguments) {
        for setting in Catalogue.all {
            guard let flag = setting.flag else { continue }
            guard let text = arguments[flag] ?? arguments.toggle(flag).map({ String($0) }) else { continue }
            values[setting.name] = Value(text: text, source: .flag(flag))
        }
    }

    // MARK: checks

    private func check(_ setting: Setting, _ value: Value, _ mistakes: inout [String]) {
        if let fault = setting.fault(in: value.text) {
            mistakes.append("\(place(setting.name)) \(fault)")
            return
        }
        for remark in setting.remarks where remark.weight == .error && remark.concerns(value.text) {
            mistakes.append("\(place(setting.name)): \(remark.text)")
        }
    }

    private func remarks(_ weight: Setting.Remark.Weight) -> [String] {
        Catalogue.all.flatMap { setting -> [String] in
            guard let value = values[setting.name] else { return [] }
            return setting.remarks.filter { $0.weight == weight && $0.concerns(value.text) }
                .map { "\(place(setting.name)) \(value.text): \($0.text)" }
        }
    }

    /// Whether settings may stand under the key; one that has none in it is no mistake.
    private static func isGroup(_ key: String) -> Bool {
        Passthrough.prefix == key + "." || Catalogue.all.contains { $0.name.hasPrefix(key + ".") }
    }

    private static func unknown(_ key: String) -> String {
        let known = Catalogue.all.map { $0.name }
        let member = key.split(separator: ".").last.map { String($0) } ?? key
        // In the wrong section, or in none.
        if let elsewhere = known.first(where: { $0.hasSuffix("." + member) }) {
            return "\(key) is not a setting; did you mean \(elsewhere)?"
        }
        let hint = Nearest.hint(key, known)
        return "\(key) is not a setting" + (hint.isEmpty ? "; `fedgate config docs` lists them" : hint)
    }

    private static func failure(_ mistakes: [String]) -> UsageFailure {
        guard mistakes.count > 1 else { return UsageFailure(mistakes.first ?? "") }
        return UsageFailure("\(mistakes.count) mistakes in the settings:\n  " + mistakes.joined(separator: "\n  "))
    }
}

extension Setting.Remark {
    func concerns(_ value: String) -> Bool { values?.contains(value) ?? true }
}
