internal import WireJSON

/// The members of a JSON object with the types that the protocol gives them; others are ignored.
struct Fields {
    let members: [String: JSONValue]
    private let prefix: String
    private let offset: Int

    /// - Parameters:
    ///   - members: of the object.
    ///   - prefix: put before each name in a refusal.
    ///   - offset: of the object, for refusals.
    init(_ members: [String: JSONValue], prefix: String = "", at offset: Int = 0) {
        self.members = members
        self.prefix = prefix
        self.offset = offset
    }

    func refusal(_ name: String, _ reason: String) -> EnvelopeFailure {
        EnvelopeFailure(prefix + name, reason, at: offset)
    }

    private func value(_ name: String) throws(EnvelopeFailure) -> JSONValue {
        guard let value = members[name] else { throw refusal(name, "is missing") }
        return value
    }

    func string(_ name: String, default missing: String? = nil) throws(EnvelopeFailure) -> String {
        if let missing, members[name] == nil { return missing }
        guard let text = try value(name).stringValue else { throw refusal(name, "is not a string") }
        return text
    }

    func optionalString(_ name: String) throws(EnvelopeFailure) -> String? {
        switch try value(name) {
        case .null: return nil
        case .string(let text): return text
        default: throw refusal(name, "is neither a string nor null")
        }
    }

    func object(_ name: String, default missing: [String: JSONValue]) throws(EnvelopeFailure) -> [String: JSONValue] {
        guard let given = members[name] else { return missing }
        guard let object = given.objectValue else { throw refusal(name, "is not an object") }
        return object
    }

    func choice<T: RawRepresentable<String> & CaseIterable>(_ name: String) throws(EnvelopeFailure) -> T {
        let text = try string(name)
        guard let known = T(rawValue: text) else {
            let all = T.allCases.map(\.rawValue).joined(separator: ", ")
            throw refusal(name, "\(text.debugDescription) is not one of \(all)")
        }
        return known
    }

    func digest(_ name: String) throws(EnvelopeFailure) -> String {
        let text = try string(name)
        let digits = text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
        guard text.utf8.count == 64, digits else { throw refusal(name, "is not 64 lowercase hexadecimal digits") }
        return text
    }

    func size(_ name: String) throws(EnvelopeFailure) -> Int {
        guard let number = try value(name).integerValue, Bounds.round.contains(number) else {
            throw refusal(name, "is not an integer within 0 and 2^53 - 1")
        }
        return Int(number)
    }

    func round(_ name: String) throws(EnvelopeFailure) -> Int64 { Int64(try size(name)) }

    func optionalRound(_ name: String) throws(EnvelopeFailure) -> Int64? {
        try value(name) == .null ? nil : try round(name)
    }

    func timestamp(_ name: String) throws(EnvelopeFailure) -> Double {
        guard let number = try value(name).doubleValue else { throw refusal(name, "is not a number") }
        guard Bounds.timestamp.contains(number) else {
            throw refusal(name, "\(number) is not within 0 and the year 10000")
        }
        return number
    }
}
