/// What a text has to be.
extension Setting {
    /// What the value has to be when this one is not it; nil when it is right.
    ///
    /// - Parameter text: as it was written.
    public func fault(in text: String) -> String? {
        isRight(text) ? nil : "has to be \(requirement), not \(quoted(text))"
    }

    /// In words, for errors and the documentation.
    public var requirement: String {
        switch form {
        case .text(let what): what
        case .list(let what): "\(what), or a list of them"
        case .bytes(let range):
            range.upperBound == .max
                ? "a number of bytes such as 500000 or 64MiB"
                : "from \(Self.bytes(range.lowerBound)) to \(Self.bytes(range.upperBound))"
        case .integer(let range):
            range.upperBound == .max
                ? "a whole number from \(range.lowerBound)"
                : "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .number(let range, let unit):
            range.upperBound == .greatestFiniteMagnitude
                ? "a positive number of \(unit)"
                : "from \(Self.plain(range.lowerBound)) to \(Self.plain(range.upperBound)) \(unit)"
        case .toggle: "true or false"
        case .choice(let words) where words.count == 1: words[0]
        case .choice(let words): words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
        }
    }

    private func isRight(_ text: String) -> Bool {
        switch form {
        case .text: !text.isEmpty
        case .list:
            !text.isEmpty && text.split(separator: ",", omittingEmptySubsequences: false).allSatisfy { !$0.isEmpty }
        case .bytes(let range): Self.bytes(text).map(range.contains) ?? false
        case .integer(let range): Int(text).map(range.contains) ?? false
        case .number(let range, _): Double(text).map { $0.isFinite && range.contains($0) } ?? false
        case .toggle: ["true", "false"].contains(text)
        case .choice(let words): words.contains(text)
        }
    }

    private func quoted(_ text: String) -> String { text.isEmpty ? "nothing" : text }

    /// The number behind `500`, `64MiB`, `10GiB` or `1GB`; nil when it is none, or too large.
    static func bytes(_ text: String) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let units = [
            "": 1, "B": 1, "kB": 1000, "KB": 1000, "MB": 1_000_000, "GB": 1_000_000_000, "KiB": 1 << 10, "MiB": 1 << 20,
            "GiB": 1 << 30,
        ]
        guard let count = Int(digits), let unit = units[String(text.dropFirst(digits.count))] else { return nil }
        let (product, isTooLarge) = count.multipliedReportingOverflow(by: unit)
        return isTooLarge ? nil : product
    }

    /// The shortest text for it.
    static func bytes(_ count: Int) -> String {
        for (unit, name) in [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")]
        where count >= unit && count % unit == 0 {
            return "\(count / unit)\(name)"
        }
        return String(count)
    }

    static func plain(_ number: Double) -> String {
        Int(exactly: number).map { String($0) } ?? String(number)
    }
}
