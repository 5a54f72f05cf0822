internal import WireJSON

/// Takes typed fields out of a JSON object, or says which one is missing or of another type.
struct FieldReader {
    let members: [String: JSONValue]

    func string(_ name: String) throws(EnvelopeFailure) -> String {
        guard let text = members[name]?.stringValue else { throw wrong(name, "a string") }
        return text
    }

    func optionalString(_ name: String) throws(EnvelopeFailure) -> String? {
        switch members[name] {
        case nil, .null: return nil
        case .string(let text): return text
        default: throw wrong(name, "a string or null")
        }
    }

    func integer(_ name: String, in range: ClosedRange<Int64>) throws(EnvelopeFailure) -> Int64 {
        guard let value = members[name]?.integerValue, range.contains(value) else {
            throw wrong(name, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    func optionalInteger(_ name: String, in range: ClosedRange<Int64>) throws(EnvelopeFailure) -> Int64? {
        switch members[name] {
        case nil, .null: return nil
        default: return try integer(name, in: range)
        }
    }

    /// Seconds since 1970, before the year 10000.
    func timestamp(_ name: String) throws(EnvelopeFailure) -> Double {
        let value: Double? =
            switch members[name] {
            case .integer(let number): Double(number)
            case .number(let number): number
            default: nil
            }
        guard let value, Self.times.contains(value) else {
            throw wrong(name, "a number of seconds from 0 to 253402300800")
        }
        return value
    }

    func object(_ name: String) throws(EnvelopeFailure) -> [String: JSONValue] {
        switch members[name] {
        case nil, .null: return [:]
        case .object(let object): return object
        default: throw wrong(name, "an object")
        }
    }

    func choice<Value: RawRepresentable & CaseIterable>(
        _ name: String, _: Value.Type
    ) throws(EnvelopeFailure) -> Value where Value.RawValue == String {
        let text = try string(name)
        guard let value = Value(rawValue: text) else {
            let all = Value.allCases.map(\.rawValue).joined(separator: ", ")
            throw EnvelopeFailure(field: name, reason: "\(text.debugDescription) is not one of \(all)")
        }
        return value
    }

    static let times = 0.0..<253_402_300_800.0
    static let rounds: ClosedRange<Int64> = 0...(1 << 53) - 1

    private func wrong(_ name: String, _ expected: String) -> EnvelopeFailure {
        EnvelopeFailure(field: name, reason: members[name] == nil ? "is missing" : "has to be \(expected)")
    }
}
