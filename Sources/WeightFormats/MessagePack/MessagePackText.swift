internal import WireJSON

/// Writes MessagePack values, each in its shortest form, as Python's msgpack does.
///
/// Who writes makes sure that no count passes 32 bits.
struct MessagePackText {
    var bytes: [UInt8] = []

    mutating func map(_ count: Int) { head(count, short: 0x80..<0x90, wide: [nil, 0xde, 0xdf]) }

    mutating func list(_ count: Int) { head(count, short: 0x90..<0xa0, wide: [nil, 0xdc, 0xdd]) }

    mutating func binary(count: Int) { head(count, short: 0..<0, wide: [0xc4, 0xc5, 0xc6]) }

    mutating func string(_ text: String) {
        head(text.utf8.count, short: 0xa0..<0xc0, wide: [0xd9, 0xda, 0xdb])
        bytes.append(contentsOf: text.utf8)
    }

    mutating func key(_ text: String) {
        binary(count: text.utf8.count)
        bytes.append(contentsOf: text.utf8)
    }

    mutating func bool(_ value: Bool) { bytes.append(value ? 0xc3 : 0xc2) }

    mutating func unsigned(_ value: UInt64) {
        switch value {
        case 0..<0x80: bytes.append(UInt8(value))
        case 0..<1 << 8: append(0xcc, UInt8(value))
        case 0..<1 << 16: append(0xcd, UInt16(value))
        case 0..<1 << 32: append(0xce, UInt32(value))
        default: append(0xcf, value)
        }
    }

    mutating func integer(_ value: Int64) {
        switch value {
        case 0...: unsigned(UInt64(value))
        case -32..<0: bytes.append(UInt8(bitPattern: Int8(value)))
        case -1 << 7..<0: append(0xd0, Int8(value))
        case -1 << 15..<0: append(0xd1, Int16(value))
        case -1 << 31..<0: append(0xd2, Int32(value))
        default: append(0xd3, value)
        }
    }

    mutating func value(_ value: JSONValue) {
        switch value {
        case .null: bytes.append(0xc0)
        case .bool(let value): bool(value)
        case .integer(let value): integer(value)
        case .number(let value): append(0xcb, value.bitPattern)
        case .string(let text): string(text)
        case .array(let elements):
            list(elements.count)
            for element in elements { self.value(element) }
        case .object(let members):
            map(members.count)
            for (key, member) in members.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
                string(key)
                self.value(member)
            }
        }
    }

    /// - Parameter wide: the formats for counts of 8, 16 and 32 bits.
    private mutating func head(_ count: Int, short: Range<UInt8>, wide: [UInt8?]) {
        if count < short.count {
            bytes.append(short.lowerBound + UInt8(count))
        } else if count < 1 << 8, let format = wide[0] {
            append(format, UInt8(count))
        } else if count < 1 << 16, let format = wide[1] {
            append(format, UInt16(count))
        } else if let format = wide[2] {
            append(format, UInt32(truncatingIfNeeded: count))
        }
    }

    private mutating func append<T: FixedWidthInteger>(_ format: UInt8, _ value: T) {
        bytes.append(format)
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }
}
