/// Reads the JSON that peers write nearly always: plain text without escapes, whole numbers, a few levels.
///
/// FoundationEssentials' decoder costs ten times as much, a good part of a small upload. So what is plain is read here, and
/// whatever is not, right or wrong, is left to that decoder: nil says so, and nothing else.
struct PlainJSON {
    private static let deepest = 16
    private let bytes: UnsafeBufferPointer<UInt8>
    private var place = 0

    private init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    /// The one value that the text is, or nil when it is not plain.
    static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> JSONValue? {
        var reader = PlainJSON(bytes)
        guard let value = reader.value(depth: 0) else { return nil }
        return reader.next == nil ? value : nil
    }

    /// The next byte that is no blank.
    private var next: UInt8? {
        mutating get {
            while place < bytes.count, [0x20, 0x0a, 0x0d, 0x09].contains(bytes[place]) { place += 1 }
            return place < bytes.count ? bytes[place] : nil
        }
    }

    private mutating func take(_ byte: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: byte) else { return false }
        place += 1
        return true
    }

    private mutating func value(depth: Int) -> JSONValue? {
        guard depth < Self.deepest, let first = next else { return nil }
        switch first {
        case UInt8(ascii: "\""): return string().map { .string($0) }
        case UInt8(ascii: "{"): return object(depth)
        case UInt8(ascii: "["): return array(depth)
        case UInt8(ascii: "t"): return word("true") ? .bool(true) : nil
        case UInt8(ascii: "f"): return word("false") ? .bool(false) : nil
        case UInt8(ascii: "n"): return word("null") ? .null : nil
        default: return integer().map { .integer($0) }
        }
    }

    private mutating func object(_ depth: Int) -> JSONValue? {
        place += 1
        var members: [String: JSONValue] = [:]
        if take("}") { return .object(members) }
        repeat {
            guard next == UInt8(ascii: "\""), let name = string(), take(":"), let value = value(depth: depth + 1),
                members.updateValue(value, forKey: name) == nil
            else { return nil }
        } while take(",")
        return take("}") ? .object(members) : nil
    }

    private mutating func array(_ depth: Int) -> JSONValue? {
        place += 1
        var elements: [JSONValue] = []
        if take("]") { return .array(elements) }
        repeat {
            guard let value = value(depth: depth + 1) else { return nil }
            elements.append(value)
        } while take(",")
        return take("]") ? .array(elements) : nil
    }

    /// ASCII without escapes.
    private mutating func string() -> String? {
        let start = place + 1
        var end = start
        while end < bytes.count, bytes[end] != UInt8(ascii: "\"") {
            guard 0x20...0x7e ~= bytes[end], bytes[end] != UInt8(ascii: "\\") else { return nil }
            end += 1
        }
        guard end < bytes.count else { return nil }
        place = end + 1
        return String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<end]), as: UTF8.self)
    }

    /// Up to 18 digits, without a fraction or an exponent.
    private mutating func integer() -> Int64? {
        let isNegative = bytes[place] == UInt8(ascii: "-")
        let start = place + (isNegative ? 1 : 0)
        var end = start
        var value: Int64 = 0
        while end < bytes.count, 0x30...0x39 ~= bytes[end] {
            guard end - start < 18 else { return nil }
            value = value * 10 + Int64(bytes[end] - 0x30)
            end += 1
        }
        guard end > start, bytes[start] != 0x30 || end == start + 1 && !isNegative else { return nil }
        if end < bytes.count, [UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains(bytes[end]) {
            return nil
        }
        place = end
        return isNegative ? -value : value
    }

    private mutating func word(_ text: StaticString) -> Bool {
        let end = place + text.utf8CodeUnitCount
        guard end <= bytes.count else { return false }
        for index in place..<end where bytes[index] != text.utf8Start[index - place] { return false }
        place = end
        return true
    }
}
