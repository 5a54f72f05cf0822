internal import Weights
internal import WireJSON

/// Metadata where a format has room for strings only (protocol.md, section 2).
enum MetadataText {
    /// A string as it is, all else as JSON text.
    static func text(of value: JSONValue) throws(JSONFailure) -> [UInt8] {
        if case .string(let text) = value { return Array(text.utf8) }
        return try value.encoded()
    }

    /// Objects and lists are read back from their JSON text.
    ///
    /// Numbers are not: who sends the string `1.10` means that, and a number would lose the zero.
    static func value(of text: String) -> JSONValue {
        guard let first = text.utf8.first, first == UInt8(ascii: "{") || first == UInt8(ascii: "[") else {
            return .string(text)
        }
        return parse(text) ?? .string(text)
    }

    private static func parse(_ text: String) -> JSONValue? {
        let bytes = Array(text.utf8)
        var tokenizer = JSONTokenizer(maximumToken: bytes.count)
        var builder = JSONTreeBuilder()
        var place = 0
        return bytes.withUnsafeBytes { bytes in
            while let event = try? tokenizer.next(bytes, &place, origin: 0) {
                guard builder.take(event) else { return nil }
            }
            return place == bytes.count && tokenizer.isComplete ? builder.value : nil
        }
    }
}

extension JSONTreeBuilder {
    /// False when an object has a key twice.
    mutating func take(_ event: JSONTokenizer.Event) -> Bool {
        switch event {
        case .beginObject: beginObject()
        case .beginList: beginList()
        case .endObject, .endList: end()
        case .key(let name): return key(name)
        case .scalar(let value): add(value)
        }
        return true
    }
}
