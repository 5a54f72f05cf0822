internal import Glibc

/// Moments as RFC 3339 text in UTC.
public enum Timestamp {
    private static let powers = sequence(first: Int64(1)) { $0 * 10 }.prefix(19).map { $0 }

    /// A moment with milliseconds, `2026-01-31T12:00:00.250Z`.
    ///
    /// - Parameters:
    ///   - seconds: since 1970.
    ///   - milliseconds: 0 to 999.
    public static func text(seconds: Int64, milliseconds: Int64) -> String {
        let (days, second) = floorDivision(seconds, 86_400)
        let (year, month, day) = date(days)
        return String(unsafeUninitializedCapacity: 40) { buffer in
            var count = 0
            // A year may have more digits than four.
            func put(_ number: Int64, _ width: Int, _ end: Unicode.Scalar) {
                var digits = width
                while digits < 19, number >= powers[digits] { digits += 1 }
                for digit in 0..<digits {
                    buffer[count + digit] = 48 + UInt8(number / powers[digits - 1 - digit] % 10)
                }
                buffer[count + digits] = UInt8(ascii: end)
                count += digits + 1
            }
            put(max(0, year), 4, "-")
            put(month, 2, "-")
            put(day, 2, "T")
            put(second / 3600, 2, ":")
            put(second / 60 % 60, 2, ":")
            put(second % 60, 2, ".")
            put(max(0, milliseconds), 3, "Z")
            return count
        }
    }

    private static func floorDivision(_ number: Int64, _ divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = number.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    /// The proleptic Gregorian date of a day counted from 1970-01-01.
    ///
    /// Years begin in March here, so that the leap day is the last, and come in eras of 400 years with 146,097 days. The C
    /// library knows all of this too, behind a lock that all threads share.
    private static func date(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = floorDivision(days + 719_468, 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let isNextYear = month >= 10
        return (
            era * 400 + yearOfEra + (isNextYear ? 1 : 0), isNextYear ? month - 9 : month + 3,
            dayOfYear - (153 * month + 2) / 5 + 1
        )
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
