internal import Glibc

/// Moments as RFC 3339 text in UTC.
public enum Timestamp {
    private static let powers = sequence(first: 1) { $0 * 10 }.prefix(19).map { $0 }

    /// A moment with milliseconds, `2026-01-31T12:00:00.250Z`.
    ///
    /// - Parameters:
    ///   - seconds: since 1970.
    ///   - milliseconds: 0 to 999.
    public static func text(seconds: Int64, milliseconds: Int64) -> String {
        var parts = tm()
        var time = time_t(seconds)
        gmtime_r(&time, &parts)
        return String(unsafeUninitializedCapacity: 40) { buffer in
            var count = 0
            // A year may have more digits than four.
            func put(_ number: Int, _ width: Int, _ end: Unicode.Scalar) {
                let number = max(0, number)
                var digits = width
                while digits < 19, number >= powers[digits] { digits += 1 }
                for digit in 0..<digits { buffer[count + digit] = 48 + UInt8(number / powers[digits - 1 - digit] % 10) }
                buffer[count + digits] = UInt8(ascii: end)
                count += digits + 1
            }
            put(Int(parts.tm_year) + 1900, 4, "-")
            put(Int(parts.tm_mon) + 1, 2, "-")
            put(Int(parts.tm_mday), 2, "T")
            put(Int(parts.tm_hour), 2, ":")
            put(Int(parts.tm_min), 2, ":")
            put(Int(parts.tm_sec), 2, ".")
            put(Int(milliseconds), 3, "Z")
            return count
        }
    }

    /// A moment given as a number, as messages bear it.
    ///
    /// - Parameter seconds: since 1970, with a fraction.
    public static func text(_ seconds: Double) -> String {
        let milliseconds = Int64((seconds * 1000).rounded(.down))
        return text(seconds: milliseconds / 1000, milliseconds: milliseconds % 1000)
    }

    /// Now, in seconds since 1970, with a fraction.
    public static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec / 1000) / 1e6
    }
}
