/// The arguments of a command, checked against its flags.
public struct Arguments: Sendable {
    private var values: [String: String] = [:]
    private var toggles: [String: Bool] = [:]
    /// What is no flag.
    public private(set) var operands: [String] = []

    /// Reads arguments.
    ///
    /// - Parameters:
    ///   - arguments: behind the command's name. `--` ends the flags.
    ///   - flags: that the command takes.
    /// - Throws: `UsageFailure` for an unknown flag, with the nearest known one, a missing value or a repeated flag.
    public init(_ arguments: [String], flags: [Flag]) throws(UsageFailure) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--" {
                operands += rest
                return
            }
            guard argument.hasPrefix("--") else {
                operands.append(argument)
                continue
            }
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let flag = try Self.find(parts[0], flags)
            switch flag.kind {
            case .toggle:
                guard parts.count == 1 else { throw UsageFailure("\(flag.name) takes no value") }
                try Self.put(&toggles, flag.name, parts[0] == flag.name)
            case .value(let what):
                guard let value = parts.count > 1 ? parts[1] : rest.popFirst() else {
                    throw UsageFailure("\(flag.name) needs a value: \(flag.name) \(what)")
                }
                try Self.put(&values, flag.name, value)
            }
        }
    }

    /// The value of a flag that was given.
    ///
    /// - Parameter name: of a flag with a value.
    public subscript(name: String) -> String? { values[name] }

    /// Whether a toggle was given, and how.
    ///
    /// - Parameter name: of a toggle.
    public func toggle(_ name: String) -> Bool? { toggles[name] }

    /// A whole number within a range, or the default.
    ///
    /// - Parameters:
    ///   - name: of a flag with a value.
    ///   - range: that is admitted.
    ///   - standard: without the flag.
    public func integer(_ name: String, in range: ClosedRange<Int>, or standard: Int) throws(UsageFailure) -> Int {
        guard let text = values[name] else { return standard }
        guard let value = Int(text), range.contains(value) else {
            throw UsageFailure(
                "\(name) has to be a whole number from \(range.lowerBound) to \(range.upperBound), not \(text)")
        }
        return value
    }

    /// A positive number of seconds, or nil without the flag.
    ///
    /// - Parameter name: of a flag with a value.
    public func seconds(_ name: String) throws(UsageFailure) -> Double? {
        guard let text = values[name] else { return nil }
        guard let value = Double(text), value > 0, value.isFinite else {
            throw UsageFailure("\(name) has to be a positive number of seconds, not \(text)")
        }
        return value
    }

    /// One of some words, or nil without the flag.
    ///
    /// - Parameters:
    ///   - name: of a flag with a value.
    ///   - words: that are admitted.
    public func choice(_ name: String, _ words: [String]) throws(UsageFailure) -> String? {
        guard let text = values[name] else { return nil }
        guard words.contains(text) else {
            throw UsageFailure("\(name) has to be \(words.joined(separator: " or ")), not \(text)")
        }
        return text
    }

    private static func put<Value>(
        _ table: inout [String: Value], _ name: String, _ value: Value
    ) throws(UsageFailure) {
        guard table.updateValue(value, forKey: name) == nil else { throw UsageFailure("\(name) comes twice") }
    }

    private static func find(_ name: String, _ flags: [Flag]) throws(UsageFailure) -> Flag {
        var known: [String] = []
        for flag in flags {
            known.append(flag.name)
            if flag.kind == .toggle { known.append("--no-" + flag.name.dropFirst(2)) }
            if known.contains(name) { return flag }
        }
        throw UsageFailure("\(name) is not a flag here" + Nearest.hint(name, known))
    }
}

/// What somebody who mistyped a word may have meant.
public enum Nearest {
    /// `; did you mean …?`, or nothing when no known word is near.
    ///
    /// - Parameters:
    ///   - word: as typed.
    ///   - known: the right ones.
    public static func hint(_ word: String, _ known: [String]) -> String {
        let near = known.map { ($0, distance(Array(word), Array($0))) }.min { $0.1 < $1.1 }
        guard let near, near.1 <= max(2, near.0.count / 3) else { return "" }
        return "; did you mean \(near.0)?"
    }

    /// Levenshtein's distance: insertions, deletions and substitutions.
    static func distance(_ one: [Character], _ other: [Character]) -> Int {
        var row = Array(0...other.count)
        for (line, character) in one.enumerated() {
            var diagonal = row[0]
            row[0] = line + 1
            for column in other.indices {
                let substituted = diagonal + (character == other[column] ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(substituted, row[column] + 1, diagonal + 1)
            }
        }
        return row[other.count]
    }
}
