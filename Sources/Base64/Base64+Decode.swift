extension Base64 {
    /// Why characters are not base64, and which one.
    public struct Malformed: Error, Sendable, Hashable {
        /// For a person.
        public let reason: String
        /// Of the character.
        public let offset: Int
    }

    /// Bytes of room that `decode` needs for so many characters: a step writes eight for six.
    ///
    /// - Parameter count: of characters.
    public static func decodingRoom(_ count: Int) -> Int { count / 4 * 3 + 8 }

    /// Decodes all characters: only the alphabet, padded, with no bit set that is not used.
    ///
    /// - Parameters:
    ///   - source: characters. They may lie where `target` begins: no character is overwritten before it was read.
    ///   - target: `decodingRoom` bytes.
    /// - Returns: the bytes written.
    /// - Throws: `Malformed` with the first character that is wrong.
    public static func decode(
        _ source: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer
    ) throws(Malformed) -> Int {
        let count = source.count
        guard count % 4 == 0 else { throw Malformed(reason: "its length is not a multiple of 4", offset: count) }
        guard count > 0, let base = source.baseAddress else { return 0 }
        let table = DecodeTable.shared.bits
        // The last four may be padded and come last.
        let whole = count - 4
        var read = 0
        var written = 0
        while read + 8 <= whole {
            let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: read, as: UInt64.self))
            let high = group(table, UInt32(truncatingIfNeeded: word))
            let low = group(table, UInt32(truncatingIfNeeded: word >> 32))
            if (high | low) & DecodeTable.wrong != 0 { break }
            let bytes = (UInt64(high) << 24 | UInt64(low)) << 16
            target.storeBytes(of: bytes.bigEndian, toByteOffset: written, as: UInt64.self)
            read += 8
            written += 6
        }
        while read < whole {
            let word = UInt32(littleEndian: base.loadUnaligned(fromByteOffset: read, as: UInt32.self))
            let bytes = group(table, word)
            guard bytes & DecodeTable.wrong == 0 else { throw malformed(source, from: read) }
            store(bytes, 3, target + written)
            read += 4
            written += 3
        }
        return written + (try decodeLast(source, at: whole, to: target + written))
    }

    @inline(__always)
    private static func group(_ table: UnsafePointer<UInt32>, _ characters: UInt32) -> UInt32 {
        table[Int(characters & 0xff)] << 18 | table[Int(characters >> 8 & 0xff)] << 12
            | table[Int(characters >> 16 & 0xff)] << 6 | table[Int(characters >> 24)]
    }

    private static func store(_ group: UInt32, _ count: Int, _ target: UnsafeMutableRawPointer) {
        for place in 0..<count {
            target.storeBytes(
                of: UInt8(truncatingIfNeeded: group >> UInt32(16 - 8 * place)), toByteOffset: place, as: UInt8.self)
        }
    }

    private static func decodeLast(
        _ source: UnsafeRawBufferPointer, at start: Int, to target: UnsafeMutableRawPointer
    ) throws(Malformed) -> Int {
        let table = DecodeTable.shared.bits
        let equals = UInt8(ascii: "=")
        let bytes = source[start + 3] != equals ? 3 : source[start + 2] != equals ? 2 : 1
        var group: UInt32 = 0
        for place in 0..<bytes + 1 {
            let bits = table[Int(source[start + place])]
            guard bits & DecodeTable.wrong == 0 else { throw malformed(source, from: start) }
            group |= bits << UInt32(18 - 6 * place)
        }
        guard group & (0xff_ffff >> UInt32(8 * bytes)) == 0 else {
            throw Malformed(reason: "bits are set that no byte uses", offset: start + bytes)
        }
        store(group, bytes, target)
        return bytes
    }

    private static func malformed(_ source: UnsafeRawBufferPointer, from start: Int) -> Malformed {
        let place = (start..<source.count).first { !alphabet.contains(source[$0]) } ?? start
        let character = source[place]
        return Malformed(
            reason: character == UInt8(ascii: "=")
                ? "padding before the end" : "byte \(character) is not of the alphabet",
            offset: place)
    }
}

/// Six bits for each character, and a mark that survives every shift for all others.
///
/// The memory is never freed and never written again, which is what makes sharing it sound.
private struct DecodeTable: @unchecked Sendable {
    static let wrong: UInt32 = 0xff00_0000
    static let shared = DecodeTable()
    let bits: UnsafePointer<UInt32>

    private init() {
        let table = UnsafeMutablePointer<UInt32>.allocate(capacity: 256)
        // Ones all the way, so that some of the marked bits are set wherever a group shifts them to.
        table.initialize(repeating: .max, count: 256)
        for (value, character) in Base64.alphabet.enumerated() { table[Int(character)] = UInt32(value) }
        bits = UnsafePointer(table)
    }
}
