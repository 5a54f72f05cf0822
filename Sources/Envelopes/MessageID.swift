internal import Glibc

/// Makes message ids: UUID version 7 (RFC 9562), so that they sort by time.
public enum MessageID {
    /// A new one, lowercase.
    public static func make() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let milliseconds = UInt64(now.tv_sec) * 1000 + UInt64(now.tv_nsec / 1_000_000)
        var generator = SystemRandomNumberGenerator()
        let high = milliseconds << 16 | 0x7000 | generator.next() & 0x0fff
        let low = 0x8000_0000_0000_0000 | generator.next() & 0x3fff_ffff_ffff_ffff
        let digits = hex(high) + hex(low)
        var id = ""
        for (index, digit) in digits.enumerated() {
            if [8, 12, 16, 20].contains(index) { id.append("-") }
            id.append(digit)
        }
        return id
    }

    private static func hex(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
