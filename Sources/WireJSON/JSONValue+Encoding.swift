extension JSONValue {
    /// The value as UTF-8 text, with sorted keys, so that equal values give equal bytes.
    ///
    /// Doubles are written as Swift prints them, the shortest text that reads back as the same number.
    ///
    /// - Throws: `JSONFailure` for a NaN or an infinity, which JSON cannot hold.
    public func encoded() throws(JSONFailure) -> [UInt8] {
        var text: [UInt8] = []
        try append(to: &text)
        return text
    }

    /// Appends the value as UTF-8 text.
    ///
    /// - Parameter text: where to.
    public func append(to text: inout [UInt8]) throws(JSONFailure) {
        switch self {
        case .null: text.append(contentsOf: "null".utf8)
        case .bool(let value): text.append(contentsOf: (value ? "true" : "false").utf8)
        case .integer(let value): text.append(contentsOf: String(value).utf8)
        case .number(let value):
            guard value.isFinite else { throw JSONFailure(reason: "a number that JSON cannot hold") }
            text.append(contentsOf: value.description.utf8)
        case .string(let value): Self.append(value, to: &text)
        case .array(let elements): try Self.append(elements, to: &text)
        case .object(let members): try Self.append(members, to: &text)
        }
    }

    /// Appends a string with its quotes, escaped as RFC 8259, section 7 demands and no further.
    ///
    /// - Parameters:
    ///   - string: any text.
    ///   - text: where to.
    public static func append(_ string: String, to text: inout [UInt8]) {
        text.append(UInt8(ascii: "\""))
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                text.append(UInt8(ascii: "\\"))
                text.append(byte)
            case 0..<0x20:
                let digits = Array("0123456789abcdef".utf8)
                text.append(contentsOf: "\\u00".utf8)
                text.append(digits[Int(byte >> 4)])
                text.append(digits[Int(byte & 15)])
            default: text.append(byte)
            }
        }
        text.append(UInt8(ascii: "\""))
    }

    private static func append(_ elements: [JSONValue], to text: inout [UInt8]) throws(JSONFailure) {
        text.append(UInt8(ascii: "["))
        for (index, element) in elements.enumerated() {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            try element.append(to: &text)
        }
        text.append(UInt8(ascii: "]"))
    }

    private static func append(_ members: [String: JSONValue], to text: inout [UInt8]) throws(JSONFailure) {
        text.append(UInt8(ascii: "{"))
        var first = true
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            if !first { text.append(UInt8(ascii: ",")) }
            first = false
            append(name, to: &text)
            text.append(UInt8(ascii: ":"))
            try value.append(to: &text)
        }
        text.append(UInt8(ascii: "}"))
    }
}
