/// Whether bytes are one JSON text as RFC 8259 has it, to the letter.
///
/// The parser takes a comma before a closing bracket, for one; a text that is handed on as it came has to be one for every
/// reader.
struct JSONSyntax {
    /// Arrays and objects in one another.
    static let mostDepth = 128

    private let bytes: UnsafeRawBufferPointer
    private var place = 0

    /// - Parameter bytes: UTF-8.
    static func check(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var syntax = JSONSyntax(bytes: bytes)
        guard syntax.value(depth: 0) else { return false }
        syntax.skipBlanks()
        return syntax.place == bytes.count
    }

    private init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

    private mutating func skipBlanks() {
        while let next, next == 0x20 || next == 0x09 || next == 0x0A || next == 0x0D { place += 1 }
    }

    /// Passes a character, blanks before it included.
    private mutating func passes(_ character: UInt8) -> Bool {
        skipBlanks()
        guard next == character else { return false }
        place += 1
        return true
    }

    private mutating func value(depth: Int) -> Bool {
        skipBlanks()
        switch next {
        case UInt8(ascii: "{"): return list(until: UInt8(ascii: "}"), depth) { $0.member(depth: depth + 1) }
        case UInt8(ascii: "["): return list(until: UInt8(ascii: "]"), depth) { $0.value(depth: depth + 1) }
        case UInt8(ascii: "\""): return string()
        case UInt8(ascii: "t"): return word("true")
        case UInt8(ascii: "f"): return word("false")
        case UInt8(ascii: "n"): return word("null")
        default: return number()
        }
    }

    private mutating func list(until end: UInt8, _ depth: Int, _ element: (inout JSONSyntax) -> Bool) -> Bool {
        guard depth < Self.mostDepth else { return false }
        place += 1
        if passes(end) { return true }
        repeat { guard element(&self) else { return false } } while passes(UInt8(ascii: ","))
        return passes(end)
    }

    private mutating func member(depth: Int) -> Bool {
        skipBlanks()
        return string() && passes(UInt8(ascii: ":")) && value(depth: depth)
    }

    private mutating func string() -> Bool {
        guard passes(UInt8(ascii: "\"")) else { return false }
        while let byte = next {
            place += 1
            switch byte {
            case UInt8(ascii: "\""): return true
            case UInt8(ascii: "\\"): guard escape() else { return false }
            case 0..<0x20: return false
            default: break
            }
        }
        return false
    }

    private mutating func escape() -> Bool {
        guard let byte = next else { return false }
        place += 1
        if byte != UInt8(ascii: "u") { return "\"\\/bfnrt".utf8.contains(byte) }
        for _ in 0..<4 {
            guard let digit = next, "0123456789abcdefABCDEF".utf8.contains(digit) else { return false }
            place += 1
        }
        return true
    }

    private mutating func word(_ word: StaticString) -> Bool {
        word.withUTF8Buffer { word in
            guard bytes.count - place >= word.count, bytes[place..<place + word.count].elementsEqual(word) else {
                return false
            }
            place += word.count
            return true
        }
    }

    private mutating func number() -> Bool {
        if next == UInt8(ascii: "-") { place += 1 }
        if next == UInt8(ascii: "0") { place += 1 } else { guard digits() else { return false } }
        if next == UInt8(ascii: ".") {
            place += 1
            guard digits() else { return false }
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            place += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { place += 1 }
            guard digits() else { return false }
        }
        return true
    }

    /// At least one.
    private mutating func digits() -> Bool {
        let start = place
        while let next, 0x30...0x39 ~= next { place += 1 }
        return place > start
    }
}
