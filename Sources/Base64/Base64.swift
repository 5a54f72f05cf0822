/// Base64 (RFC 4648, section 4) as bulk bytes need it: tables, several characters a step, no allocation.
public enum Base64 {
    /// Characters that encode so many bytes, padding included.
    ///
    /// - Parameter count: of bytes.
    public static func encodedCount(_ count: Int) -> Int { (count + 2) / 3 * 4 }

    static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// Encodes whole groups of three bytes.
    ///
    /// - Parameters:
    ///   - source: a multiple of three bytes.
    ///   - target: room for four characters a group.
    public static func encode(_ source: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer) {
        guard let base = source.baseAddress else { return }
        let pairs = EncodeTable.shared.pairs
        let count = source.count
        var read = 0
        var written = 0
        // Six bytes a step, read as eight.
        while read + 8 <= count {
            let word = UInt64(bigEndian: base.loadUnaligned(fromByteOffset: read, as: UInt64.self))
            var characters = UInt64(pairs[Int(truncatingIfNeeded: word >> 52)])
            characters |= UInt64(pairs[Int(truncatingIfNeeded: word >> 40 & 0xfff)]) << 16
            characters |= UInt64(pairs[Int(truncatingIfNeeded: word >> 28 & 0xfff)]) << 32
            characters |= UInt64(pairs[Int(truncatingIfNeeded: word >> 16 & 0xfff)]) << 48
            target.storeBytes(of: characters.littleEndian, toByteOffset: written, as: UInt64.self)
            read += 6
            written += 8
        }
        while read + 3 <= count {
            let group = Int(source[read]) << 16 | Int(source[read + 1]) << 8 | Int(source[read + 2])
            let characters = UInt32(pairs[group >> 12]) | UInt32(pairs[group & 0xfff]) << 16
            target.storeBytes(of: characters.littleEndian, toByteOffset: written, as: UInt32.self)
            read += 3
            written += 4
        }
    }

    /// The four characters of the last one or two bytes.
    ///
    /// - Parameter bytes: one or two.
    public static func tail(_ bytes: [UInt8]) -> [UInt8] {
        let group = Int(bytes[0]) << 16 | (bytes.count > 1 ? Int(bytes[1]) << 8 : 0)
        return [
            alphabet[group >> 18], alphabet[group >> 12 & 63],
            bytes.count > 1 ? alphabet[group >> 6 & 63] : UInt8(ascii: "="), UInt8(ascii: "="),
        ]
    }

    /// The text of a few bytes.
    ///
    /// - Parameter bytes: any number.
    public static func text(_ bytes: [UInt8]) -> String {
        let whole = bytes.count / 3 * 3
        var characters = [UInt8](unsafeUninitializedCapacity: encodedCount(whole)) { buffer, count in
            if let base = buffer.baseAddress {
                bytes.withUnsafeBytes { encode(.init(rebasing: $0[..<whole]), to: base) }
            }
            count = encodedCount(whole)
        }
        if whole < bytes.count { characters += tail(Array(bytes[whole...])) }
        return String(decoding: characters, as: UTF8.self)
    }
}

/// Two characters for each 12 bits.
///
/// The memory is never freed and never written again, which is what makes sharing it sound.
private struct EncodeTable: @unchecked Sendable {
    static let shared = EncodeTable()
    let pairs: UnsafePointer<UInt16>

    private init() {
        let table = UnsafeMutablePointer<UInt16>.allocate(capacity: 4096)
        for bits in 0..<4096 {
            let pair = UInt16(Base64.alphabet[bits >> 6]) | UInt16(Base64.alphabet[bits & 63]) << 8
            (table + bits).initialize(to: pair)
        }
        pairs = UnsafePointer(table)
    }
}
