/// The content codings that a client takes (RFC 9110, section 12.5.3).
struct AcceptEncoding: Sendable, Equatable {
    /// By coding, in thousandths.
    private var weights: [ContentCoding: Int] = [:]
    private var identity: Int?

    /// - Parameter header: nil when there is none: the client did not say, and gets the plain bytes.
    init(_ header: String?) {
        guard let header else { return }
        var rest: Int?
        for element in header.pieces(at: UInt8(ascii: ",")) {
            let parts = element.pieces(at: UInt8(ascii: ";")).map { $0.trimmed().lowercased() }
            guard let weight = Self.weight(parts.dropFirst()) else { continue }
            switch parts[0] {
            case "identity": identity = weight
            case "*": rest = weight
            case "x-gzip": weights[.gzip] = weight
            case let name: if let coding = ContentCoding(rawValue: name) { weights[coding] = weight }
            }
        }
        guard let rest else { return }
        for coding in ContentCoding.allCases where weights[coding] == nil { weights[coding] = rest }
        if identity == nil { identity = rest }
    }

    /// The weight of a coding, nil standing for the plain bytes; 0 when it may not be sent.
    func weight(of coding: ContentCoding?) -> Int {
        guard let coding else { return identity ?? 1 }
        return weights[coding] ?? 0
    }

    /// Orders what may be sent: by weight, and of equals the coded first.
    func prefers(_ one: ContentCoding?, to other: ContentCoding?) -> Bool {
        let (mine, others) = (weight(of: one), weight(of: other))
        if mine != others { return mine > others }
        func place(_ coding: ContentCoding?) -> Int {
            coding.flatMap { ContentCoding.allCases.firstIndex(of: $0) } ?? ContentCoding.allCases.count
        }
        return place(one) < place(other)
    }

    /// `q=` with up to three digits (section 12.4.2); nil when it is malformed.
    private static func weight(_ parameters: ArraySlice<String>) -> Int? {
        guard let parameter = parameters.first else { return 1000 }
        guard parameter.hasPrefix("q="), parameters.count == 1 else { return nil }
        let digits = Array(parameter.utf8.dropFirst(2))
        guard let first = digits.first, first == 0x30 || first == 0x31, digits.count <= 5 else { return nil }
        guard digits.count == 1 || digits[1] == UInt8(ascii: ".") else { return nil }
        var weight = 1000 * Int(first - 0x30)
        for (place, digit) in zip([100, 10, 1], digits.dropFirst(2)) {
            guard 0x30...0x39 ~= digit else { return nil }
            weight += place * Int(digit - 0x30)
        }
        return weight <= 1000 ? weight : nil
    }
}
