internal import MicroHTTP

/// The query items of a request, each of which may come once.
struct Query {
    private var items: [String: String] = [:]

    /// - Parameters:
    ///   - request: its target is read.
    ///   - known: what the operation understands; another name is refused, since a typing error would change what counts.
    init(_ request: borrowing Request, known: some Sequence<String>) throws(Failure) {
        for (name, value) in request.query {
            guard known.contains(name) else {
                let names = known.sorted().joined(separator: ", ")
                throw Failure(.badRequest, "query item \"\(name)\" is not known here; known: \(names)")
            }
            guard items.updateValue(value, forKey: name) == nil else {
                throw Failure(.badRequest, "query item \"\(name)\" comes twice")
            }
        }
    }

    subscript(name: String) -> String? { items[name] }

    /// A whole number within a range, or nil when the item is missing.
    func integer(_ name: String, in range: ClosedRange<Int64>) throws(Failure) -> Int64? {
        guard let text = items[name] else { return nil }
        return try WholeNumber.read(text, in: range, "query item \"\(name)\"")
    }
}

/// Decimal digits and nothing else: no sign, no blank, no second zero in front.
enum WholeNumber {
    static let largest: Int64 = (1 << 53) - 1

    static func parse(_ text: String) -> Int64? {
        guard !text.isEmpty, text.utf8.count <= 16, text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
        if text.utf8.count > 1, text.hasPrefix("0") { return nil }
        return Int64(text)
    }

    /// A number within a range.
    ///
    /// - Parameter what: it is, for a refusal.
    static func read(_ text: String, in range: ClosedRange<Int64>, _ what: String) throws(Failure) -> Int64 {
        let value = parse(text)
        if let value, range.contains(value) { return value }
        let passed = value.map { $0 < range.lowerBound ? range.lowerBound : range.upperBound }
        throw Failure(
            .badRequest, "\(what) has to be a whole number from \(range.lowerBound) to \(range.upperBound)",
            limit: passed.map { UInt64($0) })
    }

    /// A round's number as it stands in a path.
    static func round(_ text: String) throws(Failure) -> Int64 {
        try read(text, in: 0...largest, "the round in the path")
    }
}
