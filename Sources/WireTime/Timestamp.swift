internal import Glibc

/// Moments as RFC 3339 text in UTC.
public enum Timestamp {
    /// A moment with milliseconds, `2026-01-31T12:00:00.250Z`.
    ///
    /// - Parameters:
    ///   - seconds: since 1970.
    ///   - milliseconds: 0 to 999.
    public static func text(seconds: Int64, milliseconds: Int64) -> String {
        var parts = tm()
        var time = time_t(seconds)
        gmtime_r(&time, &parts)
        func padded(_ number: some BinaryInteger, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date = "\(padded(Int(parts.tm_year) + 1900, 4))-\(padded(parts.tm_mon + 1, 2))-\(padded(parts.tm_mday, 2))"
        let clock = "\(padded(parts.tm_hour, 2)):\(padded(parts.tm_min, 2)):\(padded(parts.tm_sec, 2))"
        return "\(date)T\(clock).\(padded(milliseconds, 3))Z"
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
