internal import Glibc
internal import WireJSON

/// A place in a JSON text, and the steps over its tokens.
struct JSONCursor {
    let bytes: UnsafeRawBufferPointer
    let field: String
    let origin: Int
    private(set) var place = 0

    init(bytes: UnsafeRawBufferPointer, field: String, origin: Int) {
        self.bytes = bytes
        self.field = field
        self.origin = origin
    }

    private func refusal(_ reason: String) -> EnvelopeFailure {
        EnvelopeFailure(field, "is not a JSON object: \(reason)", at: origin + place)
    }

    mutating func skipBlanks() {
        while place < bytes.count, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[place]) { place += 1 }
    }

    /// Steps over a character with blanks before it, if it comes next.
    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        skipBlanks()
        guard place < bytes.count, bytes[place] == UInt8(ascii: character) else { return false }
        place += 1
        return true
    }

    mutating func expect(_ character: Unicode.Scalar) throws(EnvelopeFailure) {
        guard skip(character) else { throw refusal("\(character) is expected") }
    }

    /// The text of a key, its escapes resolved.
    mutating func key() throws(EnvelopeFailure) -> String {
        let start = place
        try skipString()
        guard place - start <= 4096, let key = (try? JSONValue(parsing: bytes[start..<place]))?.stringValue else {
            throw refusal("the key before this is too long or no string")
        }
        return key
    }

    mutating func skipString() throws(EnvelopeFailure) {
        guard place < bytes.count, bytes[place] == UInt8(ascii: "\"") else { throw refusal("a string is expected") }
        place += 1
        // Most strings have no escape, and of the long one that is known at the speed of memory.
        guard let quote = bytes.firstPlace(of: "\"", from: place) else { throw refusal("a string does not end") }
        guard let escape = bytes.firstPlace(of: "\\", in: place..<quote) else {
            place = quote + 1
            return
        }
        place = escape
        while place < bytes.count {
            switch bytes[place] {
            case UInt8(ascii: "\""):
                place += 1
                return
            case UInt8(ascii: "\\"): place += 2
            default: place += 1
            }
        }
        place = bytes.count
        throw refusal("a string does not end")
    }

    /// Steps over a value of any kind; brackets are counted, not matched.
    mutating func skipValue() throws(EnvelopeFailure) {
        var depth = 0
        repeat {
            skipBlanks()
            guard place < bytes.count else { throw refusal("it ends in a value") }
            switch bytes[place] {
            case UInt8(ascii: "\""): try skipString()
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                place += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                guard depth > 0 else { throw refusal("a value is expected") }
                depth -= 1
                place += 1
            case UInt8(ascii: ","), UInt8(ascii: ":"):
                guard depth > 0 else { throw refusal("a value is expected") }
                place += 1
            default: skipLiteral()
            }
        } while depth > 0
    }

    private mutating func skipLiteral() {
        while place < bytes.count {
            switch bytes[place] {
            case UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: "\""), UInt8(ascii: "{"), UInt8(ascii: "}"),
                UInt8(ascii: "["), UInt8(ascii: "]"), 0x20, 0x09, 0x0a, 0x0d:
                return
            default: place += 1
            }
        }
    }
}

extension UnsafeRawBufferPointer {
    func firstPlace(of character: Unicode.Scalar, from start: Int) -> Int? {
        firstPlace(of: character, in: start..<count)
    }

    func firstPlace(of character: Unicode.Scalar, in range: Range<Int>) -> Int? {
        guard let baseAddress, !range.isEmpty,
            let found = memchr(baseAddress + range.lowerBound, Int32(character.value), range.count)
        else { return nil }
        return UnsafeRawPointer(found) - baseAddress
    }
}
