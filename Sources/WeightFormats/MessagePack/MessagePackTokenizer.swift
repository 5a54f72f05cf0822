/// Takes a MessagePack stream (the specification of 2013, with bin and ext) apart, byte by byte.
///
/// Of texts, binaries and extensions it gives the head only; who gets one takes as many bytes before the next token.
struct MessagePackTokenizer {
    enum Token: Equatable {
        case null
        case bool(Bool)
        case unsigned(UInt64)
        /// Below zero, save where a writer wastes bytes.
        case signed(Int64)
        case float(Double)
        case text(count: UInt64, isBinary: Bool)
        /// With the byte of its type among the count.
        case `extension`(count: UInt64)
        case list(count: UInt64)
        case map(count: UInt64)
        /// The byte 0xc1.
        case unassigned
    }

    private var format: UInt8 = 0
    private var missing = 0
    private var number: UInt64 = 0

    /// Whether no token is begun.
    var isBetween: Bool { missing == 0 }

    /// The token that ends with this byte.
    mutating func take(_ byte: UInt8) -> Token? {
        if missing > 0 {
            number = number << 8 | UInt64(byte)
            missing -= 1
            return missing == 0 ? wide() : nil
        }
        format = byte
        number = 0
        switch byte {
        case 0x00...0x7f: return .unsigned(UInt64(byte))
        case 0x80...0x8f: return .map(count: UInt64(byte & 0x0f))
        case 0x90...0x9f: return .list(count: UInt64(byte & 0x0f))
        case 0xa0...0xbf: return .text(count: UInt64(byte & 0x1f), isBinary: false)
        case 0xc0: return .null
        case 0xc1: return .unassigned
        case 0xc2, 0xc3: return .bool(byte == 0xc3)
        case 0xd4...0xd8: return .extension(count: 1 + 1 << UInt64(byte - 0xd4))
        case 0xe0...0xff: return .signed(Int64(Int8(bitPattern: byte)))
        default:
            missing = Self.width(byte)
            return nil
        }
    }

    private static func width(_ format: UInt8) -> Int {
        switch format {
        case 0xc4, 0xc7, 0xcc, 0xd0, 0xd9: 1
        case 0xc5, 0xc8, 0xcd, 0xd1, 0xda, 0xdc, 0xde: 2
        case 0xc6, 0xc9, 0xca, 0xce, 0xd2, 0xdb, 0xdd, 0xdf: 4
        default: 8
        }
    }

    private func wide() -> Token {
        switch format {
        case 0xc4...0xc6: .text(count: number, isBinary: true)
        case 0xc7...0xc9: .extension(count: number + 1)
        case 0xca: .float(Double(Float(bitPattern: UInt32(truncatingIfNeeded: number))))
        case 0xcb: .float(Double(bitPattern: number))
        case 0xcc...0xcf: .unsigned(number)
        case 0xd0: .signed(Int64(Int8(truncatingIfNeeded: number)))
        case 0xd1: .signed(Int64(Int16(truncatingIfNeeded: number)))
        case 0xd2: .signed(Int64(Int32(truncatingIfNeeded: number)))
        case 0xd3: .signed(Int64(truncatingIfNeeded: number))
        case 0xd9...0xdb: .text(count: number, isBinary: false)
        case 0xdc, 0xdd: .list(count: number)
        default: .map(count: number)
        }
    }
}

extension MessagePackTokenizer.Token {
    /// For a refusal.
    var label: String {
        switch self {
        case .null: "nil"
        case .bool(let value): "\(value)"
        case .unsigned(let value): "\(value)"
        case .signed(let value): "\(value)"
        case .float(let value): "\(value)"
        case .text(_, let isBinary): isBinary ? "bin" : "str"
        case .extension: "ext"
        case .list: "an array"
        case .map: "a map"
        case .unassigned: "byte 193"
        }
    }

    /// The number where it is an integer and not below zero.
    var length: UInt64? {
        switch self {
        case .unsigned(let value): value
        case .signed(let value): UInt64(exactly: value)
        default: nil
        }
    }
}
