/// Percent-coding of paths and queries, RFC 3986.
///
/// A plus sign stands for itself.
public enum PercentCoding {
    /// The text behind a coded one, or nil when a percent sign has no two digits after it or the bytes are not UTF-8.
    ///
    /// - Parameter text: a segment of a path, or a name or value of a query.
    public static func decode(_ text: Substring) -> String? {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return String(text) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        var rest = text.utf8.makeIterator()
        while let byte = rest.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.next().flatMap(digit), let low = rest.next().flatMap(digit) else { return nil }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// The text with everything coded but letters, digits and `-._~`.
    ///
    /// - Parameter text: any.
    public static func encode(_ text: some StringProtocol) -> String {
        var coded = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
                coded.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                coded += digits.utf8.count == 1 ? "%0" + digits : "%" + digits
            }
        }
        return coded
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }
}
