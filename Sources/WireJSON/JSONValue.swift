internal import FoundationEssentials

/// Any JSON value (RFC 8259), for the small headers and metadata objects of the protocol; never for payloads.
///
/// Integers that fit are kept exactly; other numbers are doubles. NaN and infinities do not exist here.
public enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])
}

extension JSONValue {
    /// The number as an integer where it is one: `3` and `3.0` alike.
    public var integerValue: Int64? {
        switch self {
        case .integer(let value): value
        case .number(let value): Int64(exactly: value)
        default: nil
        }
    }

    /// The number, however it is written.
    public var doubleValue: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    /// The text of a string value.
    public var stringValue: String? {
        if case .string(let text) = self { text } else { nil }
    }

    /// The members of an object value.
    public var objectValue: [String: JSONValue]? {
        if case .object(let members) = self { members } else { nil }
    }

    /// Reads one JSON value and nothing behind it.
    ///
    /// - Parameter bytes: UTF-8 text.
    /// - Throws: `JSONFailure` when the bytes are not JSON.
    public init(parsing bytes: some Sequence<UInt8>) throws(JSONFailure) {
        if let plain = bytes.withContiguousStorageIfAvailable({ PlainJSON.parse($0) }), let plain {
            self = plain
            return
        }
        do {
            self = try JSONDecoder().decode(JSONValue.self, from: Data(bytes))
        } catch {
            throw JSONFailure(reason: "not valid JSON")
        }
    }
}

/// Why a JSON text was refused.
public struct JSONFailure: Error, Sendable, Hashable {
    /// For a person, without the text itself.
    public let reason: String
}

extension JSONValue: Codable {
    /// Decodes whichever kind of value is there.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    /// Encodes the value as itself.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }
}
