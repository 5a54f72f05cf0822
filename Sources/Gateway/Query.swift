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
        guard let value = WholeNumber.parse(text), range.contains(value) else {
            throw Failure(
                .badRequest,
                "query item \"\(name)\" has to be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
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

    /// A round's number as it stands in a path.
    static func round(_ text: String) throws(Failure) -> Int64 {
        guard let round = parse(text), round <= largest else {
            throw Failure(.badRequest, "the round in the path has to be a whole number from 0 to \(largest)")
        }
        return round
    }
}
