internal import Glibc

/// The names of messages: UUIDs of version 7 (RFC 9562), which sort by the time they were made.
public enum MessageID {
    /// A new one.
    ///
    /// Thread: any.
    public static func make() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let milliseconds = UInt64(now.tv_sec) &* 1000 &+ UInt64(now.tv_nsec / 1_000_000)
        var random = SystemRandomNumberGenerator()
        return make(milliseconds: milliseconds, random: (random.next(), random.next()))
    }

    static func make(milliseconds: UInt64, random: (UInt64, UInt64)) -> String {
        let high = milliseconds << 16 | 0x7000 | random.0 & 0x0fff
        let low = 0x8000_0000_0000_0000 | random.1 >> 2
        var text: [UInt8] = []
        for (position, word) in [high, low].enumerated() {
            for digit in 0..<16 {
                let place = position * 16 + digit
                if place % 4 == 0, 8...20 ~= place { text.append(UInt8(ascii: "-")) }
                let value = UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * digit)) & 15
                text.append(value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
