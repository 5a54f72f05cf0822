/// Base64 (RFC 4648, section 4, with padding) between regions of memory, 12 bits a look-up.
enum Base64 {
    static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// The two digits of each 12 bits, in memory order.
    private static let pairs: [UInt16] = (0..<4096).map { UInt16(digits[$0 >> 6]) | UInt16(digits[$0 & 63]) << 8 }

    /// What a digit stands for, at each of its four places; bit 31 marks what is no digit.
    private static let values: [UInt32] = [18, 12, 6, 0].flatMap { shift -> [UInt32] in
        var table = [UInt32](repeating: 1 << 31, count: 256)
        for (value, digit) in digits.enumerated() { table[Int(digit)] = UInt32(value) << UInt32(shift) }
        return table
    }

    static func encodedCount(_ count: Int) -> Int { (count + 2) / 3 * 4 }

    /// Encodes whole groups of three bytes.
    ///
    /// - Parameters:
    ///   - bytes: a multiple of three.
    ///   - output: has room for four thirds.
    static func encode(_ bytes: UnsafeRawBufferPointer, to output: UnsafeMutableRawPointer) {
        pairs.withUnsafeBufferPointer { pairs in
            guard let pairs = pairs.baseAddress, let base = bytes.baseAddress else { return }
            var input = base
            var output = output
            // Eight bytes are loaded, six are used: the last ones go three by three.
            let end = base + bytes.count
            while input + 8 <= end {
                let word = UInt64(bigEndian: input.loadUnaligned(as: UInt64.self))
                let first = UInt64(pairs[Int(word >> 52)]) | UInt64(pairs[Int(word >> 40 & 0xfff)]) << 16
                let second = UInt64(pairs[Int(word >> 28 & 0xfff)]) | UInt64(pairs[Int(word >> 16 & 0xfff)]) << 16
                output.storeBytes(of: first | second << 32, as: UInt64.self)
                input += 6
                output += 8
            }
            while input < end {
                let word =
                    Int(input.load(as: UInt8.self)) << 16 | Int((input + 1).load(as: UInt8.self)) << 8
                    | Int((input + 2).load(as: UInt8.self))
                output.storeBytes(of: UInt32(pairs[word >> 12]) | UInt32(pairs[word & 0xfff]) << 16, as: UInt32.self)
                input += 3
                output += 4
            }
        }
    }

    /// Encodes the last one or two bytes, with padding.
    static func encodeTail(_ bytes: [UInt8], to output: UnsafeMutableRawPointer) {
        var group: [UInt8] = bytes + [0, 0]
        group.removeLast(bytes.count - 1)
        let word = Int(group[0]) << 16 | Int(group[1]) << 8 | Int(group[2])
        for place in 0..<4 {
            let digit = place <= bytes.count ? digits[word >> (18 - 6 * place) & 63] : UInt8(ascii: "=")
            output.storeBytes(of: digit, toByteOffset: place, as: UInt8.self)
        }
    }

    /// How many bytes a text stands for; nil when it cannot be base64 because of its length or padding.
    static func decodedCount(_ text: UnsafeRawBufferPointer) -> Int? {
        guard text.count % 4 == 0 else { return nil }
        let padding = text.suffix(2).reversed().prefix { $0 == UInt8(ascii: "=") }.count
        return text.count / 4 * 3 - padding
    }

    /// Decodes a text.
    ///
    /// - Parameters:
    ///   - text: `decodedCount` admits it.
    ///   - output: has room for three quarters of it.
    /// - Returns: the offset of what is no base64, or nil when all was.
    static func decode(_ text: UnsafeRawBufferPointer, to output: UnsafeMutableRawBufferPointer) -> Int? {
        guard let base = text.baseAddress, let out = output.baseAddress, let count = decodedCount(text) else {
            return nil
        }
        return values.withUnsafeBufferPointer { values in
            let whole = count / 3
            var seen: UInt32 = 0
            var group = 0
            func word(_ at: UnsafeRawPointer) -> UInt32 {
                values[Int(at.load(as: UInt8.self))] | values[256 + Int((at + 1).load(as: UInt8.self))]
                    | values[512 + Int((at + 2).load(as: UInt8.self))]
                    | values[768 + Int((at + 3).load(as: UInt8.self))]
            }
            // Four bytes are stored, three are meant: the last group goes byte by byte.
            while group + 1 < whole {
                let decoded = word(base + 4 * group)
                seen |= decoded
                (out + 3 * group).storeBytes(of: (decoded << 8).bigEndian, as: UInt32.self)
                group += 1
            }
            if seen >> 31 != 0 { return position(of: text[..<(4 * group)], values) }
            while group < whole {
                let decoded = word(base + 4 * group)
                if decoded >> 31 != 0 { return 4 * group }
                for place in 0..<3 {
                    out.storeBytes(
                        of: UInt8(decoded >> (16 - 8 * UInt32(place)) & 0xff), toByteOffset: 3 * group + place,
                        as: UInt8.self)
                }
                group += 1
            }
            return tail(text, count, out, values)
        }
    }

    private static func position(of text: Slice<UnsafeRawBufferPointer>, _ values: UnsafeBufferPointer<UInt32>) -> Int {
        text.firstIndex { values[Int($0)] >> 31 != 0 } ?? 0
    }

    /// The padded group; bits that no byte takes have to be zero.
    private static func tail(
        _ text: UnsafeRawBufferPointer, _ count: Int, _ out: UnsafeMutableRawPointer,
        _ values: UnsafeBufferPointer<UInt32>
    ) -> Int? {
        let rest = count % 3
        guard rest > 0 else { return nil }
        let start = text.count - 4
        var word: UInt32 = 0
        for place in 0...rest {
            let value = values[256 * place + Int(text[start + place])]
            if value >> 31 != 0 { return start + place }
            word |= value
        }
        if word & (rest == 1 ? 0xffff : 0xff) != 0 { return start + rest }
        for place in 0..<rest {
            out.storeBytes(
                of: UInt8(word >> (16 - 8 * UInt32(place)) & 0xff), toByteOffset: count - rest + place, as: UInt8.self)
        }
        return nil
    }
}
