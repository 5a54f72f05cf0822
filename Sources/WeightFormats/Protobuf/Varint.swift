/// A protobuf varint: seven bits a byte, the lowest first.
struct Varint {
    /// Why a varint was refused.
    struct Overflow: Error {}

    private var value: UInt64 = 0
    private var shift: UInt64 = 0

    /// Whether none of its bytes has come.
    var isEmpty: Bool { shift == 0 }

    /// Takes the next byte; gives the value, and starts anew, once it is whole.
    mutating func take(_ byte: UInt8) throws(Overflow) -> UInt64? {
        let bits = UInt64(byte & 0x7f)
        guard shift < 63 || (shift == 63 && byte <= 1) else { throw Overflow() }
        value |= bits << shift
        guard byte < 0x80 else {
            shift += 7
            return nil
        }
        let whole = value
        self = Varint()
        return whole
    }

    static func size(_ value: UInt64) -> Int { max(1, (70 - value.leadingZeroBitCount) / 7) }
}

extension [UInt8] {
    mutating func appendVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(rest))
    }
}
