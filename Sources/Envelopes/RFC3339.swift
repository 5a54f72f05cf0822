/// Times as `ce_time` has them: RFC 3339 in UTC.
enum RFC3339 {
    /// The time with microseconds, cut off, not rounded, so that it never reaches into the year 10000.
    static func text(_ timestamp: Double) -> String {
        let whole = timestamp.rounded(.down)
        let seconds = Int(whole)
        let microseconds = min(Int((timestamp - whole) * 1e6), 999_999)
        let (year, month, day) = civil(days: seconds / 86_400)
        let clock = seconds % 86_400
        return "\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2))T\(pad(clock / 3600, 2)):\(pad(clock / 60 % 60, 2)):"
            + "\(pad(clock % 60, 2)).\(pad(microseconds, 6))Z"
    }

    /// Seconds since 1970 of a time with any offset from UTC and any fraction, or nil.
    static func seconds(_ text: String) -> Double? {
        let bytes = Array(text.utf8)
        func digits(_ range: Range<Int>) -> Int? {
            guard range.upperBound <= bytes.count else { return nil }
            return bytes[range].reduce(0 as Int?) { value, byte in
                guard let value, (48...57).contains(byte) else { return nil }
                return value * 10 + Int(byte - 48)
            }
        }
        func stands(_ characters: String, at place: Int) -> Bool {
            place < bytes.count && characters.utf8.contains(bytes[place])
        }
        guard let year = digits(0..<4), stands("-", at: 4), let month = digits(5..<7), (1...12).contains(month),
            stands("-", at: 7), let day = digits(8..<10), (1...31).contains(day), stands("Tt", at: 10),
            let hour = digits(11..<13), hour < 24, stands(":", at: 13), let minute = digits(14..<16), minute < 60,
            stands(":", at: 16), let second = digits(17..<19), second <= 60
        else { return nil }
        var place = 19
        var fraction = 0.0
        if stands(".", at: place) {
            let start = place + 1
            place = bytes[start...].firstIndex { !(48...57).contains($0) } ?? bytes.count
            guard place > start, let value = Double("0." + String(decoding: bytes[start..<place], as: UTF8.self))
            else { return nil }
            fraction = value
        }
        var offset = 0
        if stands("+-", at: place) {
            guard let hours = digits(place + 1..<place + 3), hours < 24, stands(":", at: place + 3),
                let minutes = digits(place + 4..<place + 6), minutes < 60
            else { return nil }
            offset = (hours * 60 + minutes) * (bytes[place] == UInt8(ascii: "-") ? -60 : 60)
            place += 6
        } else {
            guard stands("Zz", at: place) else { return nil }
            place += 1
        }
        guard place == bytes.count else { return nil }
        let clock = hour * 3600 + minute * 60 + second - offset
        return Double(days(year, month, day) * 86_400 + clock) + fraction
    }

    private static func pad(_ value: Int, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// The date of a day counted from 1970, in the proleptic Gregorian calendar, whose years here begin in March.
    private static func civil(days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let ofEra = shifted % 146_097
        let yearOfEra = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let march = (5 * ofYear + 2) / 153
        let month = march < 10 ? march + 3 : march - 9
        return (era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, ofYear - (153 * march + 2) / 5 + 1)
    }

    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        // Four centuries ahead, so that no division sees a negative number.
        let year = (month <= 2 ? year - 1 : year) + 400
        let yearOfEra = year % 400
        let ofYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return year / 400 * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + ofYear - 719_468 - 146_097
    }
}
