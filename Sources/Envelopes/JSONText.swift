internal import WireJSON

/// A JSON object written member by member, so that the order is the reference's and floats print as Python prints them.
struct JSONText {
    private(set) var bytes: [UInt8] = [UInt8(ascii: "{")]

    /// Writes a string, or null.
    mutating func add(_ name: StaticString, _ value: String?) {
        begin(name)
        guard let value else {
            bytes += "null".utf8
            return
        }
        bytes.append(UInt8(ascii: "\""))
        for byte in value.utf8 { escape(byte) }
        bytes.append(UInt8(ascii: "\""))
    }

    mutating func add(_ name: StaticString, _ value: Int64?) {
        begin(name)
        bytes += (value.map { String($0) } ?? "null").utf8
    }

    mutating func add(_ name: StaticString, float value: Double) {
        begin(name)
        bytes += PythonFloat.repr(value).utf8
    }

    mutating func add(_ name: StaticString, _ value: [String: JSONValue]) throws(EnvelopeFailure) {
        begin(name)
        bytes += try Self.object(value, name.description)
    }

    /// Ends the object.
    mutating func close() { bytes.append(UInt8(ascii: "}")) }

    /// The text of an object on its own.
    static func object(_ value: [String: JSONValue], _ field: String) throws(EnvelopeFailure) -> [UInt8] {
        do {
            return try JSONValue.object(value).encoded()
        } catch {
            throw EnvelopeFailure(field, error.reason)
        }
    }

    /// Leaves a string member open: what follows is its text, up to the quote that `init(behindString:)` writes.
    mutating func openString(_ name: StaticString) {
        begin(name)
        bytes.append(UInt8(ascii: "\""))
    }

    init() {}

    /// The rest of an object behind the text of a string member.
    init(behindString: Void) { bytes = [UInt8(ascii: "\"")] }

    private mutating func begin(_ name: StaticString) {
        if bytes.last != UInt8(ascii: "{") { bytes.append(UInt8(ascii: ",")) }
        bytes.append(UInt8(ascii: "\""))
        name.withUTF8Buffer { bytes += $0 }
        bytes += [UInt8(ascii: "\""), UInt8(ascii: ":")]
    }

    private mutating func escape(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
        case 0..<0x20: bytes += ((byte < 16 ? "\\u000" : "\\u00") + String(byte, radix: 16)).utf8
        default: bytes.append(byte)
        }
    }
}
