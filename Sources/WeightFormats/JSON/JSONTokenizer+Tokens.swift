internal import Weights
internal import WireJSON

extension JSONTokenizer {
    /// Whether the string is whole.
    mutating func takeStringByte(_ byte: UInt8, at offset: UInt64) throws(WeightFailure) -> Bool {
        if token == .escape {
            token = .string
        } else if byte == UInt8(ascii: "\"") {
            token = .none
            return true
        } else if byte == UInt8(ascii: "\\") {
            token = .escape
            hasEscape = true
        } else if byte < 0x20 {
            throw WeightFailure("not JSON: control character \(byte) in a string", at: offset)
        }
        try keep(byte)
        return false
    }

    func endString() throws(WeightFailure) -> String {
        let bytes = hasEscape ? try unescaped() : text
        guard let string = String(validating: bytes, as: UTF8.self) else {
            throw WeightFailure("not JSON: a string is not UTF-8", at: start)
        }
        return string
    }

    mutating func endWord() throws(WeightFailure) -> JSONValue {
        token = .none
        text.append(0)
        let length = text.count - 1
        let scanned = text.withUnsafeBufferPointer { text -> (JSONNumber, Double)? in
            guard let base = text.baseAddress, let (number, end) = JSONNumber.scan(base), end == length else {
                return nil
            }
            return (number, number.float64(base))
        }
        guard let (number, value) = scanned else { return try literal(text.dropLast()) }
        if number.isIntegerText, let integer = number.integer(Int64.self) { return .integer(integer) }
        guard value.isFinite else { throw WeightFailure("a number does not fit float64", at: start) }
        return .number(value)
    }

    private func literal(_ word: ArraySlice<UInt8>) throws(WeightFailure) -> JSONValue {
        switch String(decoding: word, as: UTF8.self) {
        case "true": return .bool(true)
        case "false": return .bool(false)
        case "null": return .null
        case let word:
            throw WeightFailure("not JSON: \(word.prefix(40).debugDescription) is no number or literal", at: start)
        }
    }

    private func unescaped() throws(WeightFailure) -> [UInt8] {
        var result: [UInt8] = []
        var place = 0
        var high: UInt32?
        while place < text.count {
            guard text[place] == UInt8(ascii: "\\") else {
                if high != nil { throw loneSurrogate }
                result.append(text[place])
                place += 1
                continue
            }
            // A backslash is never the last byte: the one behind it is kept with it.
            let letter = text[place + 1]
            place += 2
            guard letter == UInt8(ascii: "u") else {
                if high != nil { throw loneSurrogate }
                result.append(try simple(letter))
                continue
            }
            let unit = try hexadecimal(from: place)
            place += 4
            if let first = high {
                guard (0xdc00..<0xe000).contains(unit) else { throw loneSurrogate }
                append(0x10000 + (first - 0xd800) << 10 + (unit - 0xdc00), to: &result)
                high = nil
            } else if (0xd800..<0xdc00).contains(unit) {
                high = unit
            } else {
                guard !(0xdc00..<0xe000).contains(unit) else { throw loneSurrogate }
                append(unit, to: &result)
            }
        }
        if high != nil { throw loneSurrogate }
        return result
    }

    private var loneSurrogate: WeightFailure { WeightFailure("not JSON: a lone surrogate in a string", at: start) }

    private func append(_ scalar: UInt32, to result: inout [UInt8]) {
        if let scalar = Unicode.Scalar(scalar) { result.append(contentsOf: String(Character(scalar)).utf8) }
    }

    private func simple(_ letter: UInt8) throws(WeightFailure) -> UInt8 {
        switch Unicode.Scalar(letter) {
        case "\"", "\\", "/": letter
        case "b": 0x08
        case "f": 0x0c
        case "n": 0x0a
        case "r": 0x0d
        case "t": 0x09
        default: throw WeightFailure("not JSON: an unknown escape in a string", at: start)
        }
    }

    private func hexadecimal(from place: Int) throws(WeightFailure) -> UInt32 {
        guard place + 4 <= text.count, text[place] != UInt8(ascii: "+"),
            let value = UInt32(String(decoding: text[place..<place + 4], as: UTF8.self), radix: 16)
        else { throw WeightFailure("not JSON: \\u without four hexadecimal digits", at: start) }
        return value
    }
}
