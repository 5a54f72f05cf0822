/// A number of a JSON text (RFC 8259, section 6), not yet of any type.
struct JSONNumber: Equatable {
    var isNegative = false
    /// The digits, as far as they fit.
    var mantissa: UInt64 = 0
    /// Of ten.
    var exponent = 0
    /// Whether digits did not fit, so that the value is not exactly `mantissa` × 10^`exponent`.
    var isTruncated = false
    /// Whether it has neither a fraction nor an exponent.
    var isIntegerText = true

    /// Reads a number.
    ///
    /// - Parameter text: where it begins; behind it must lie at least one byte that no number has.
    /// - Returns: the number and its length, or nil when the bytes are not a JSON number.
    static func scan(_ text: UnsafePointer<UInt8>) -> (number: JSONNumber, length: Int)? {
        var number = JSONNumber()
        var place = 0
        if text[place] == UInt8(ascii: "-") {
            number.isNegative = true
            place += 1
        }
        let first = place
        while number.take(text[place], isFraction: false) { place += 1 }
        guard place > first, place == first + 1 || text[first] != UInt8(ascii: "0") else { return nil }
        if text[place] == UInt8(ascii: ".") {
            number.isIntegerText = false
            place += 1
            let start = place
            while number.take(text[place], isFraction: true) { place += 1 }
            guard place > start else { return nil }
        }
        if text[place] | 0x20 == UInt8(ascii: "e") {
            guard let end = number.takeExponent(text, from: place + 1) else { return nil }
            place = end
        }
        return (number, place)
    }

    static func isPart(_ byte: UInt8) -> Bool {
        byte &- UInt8(ascii: "0") < 10 || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-")
            || byte == UInt8(ascii: "+") || byte | 0x20 == UInt8(ascii: "e")
    }

    /// The value where it is an integer: its magnitude.
    var integerMagnitude: UInt64? {
        guard mantissa != 0 || isTruncated else { return 0 }
        // No power of ten beyond the twentieth fits or divides.
        guard !isTruncated, (-20...20).contains(exponent) else { return nil }
        var value = mantissa
        for _ in 0..<max(exponent, 0) {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            guard !overflow else { return nil }
            value = product
        }
        for _ in 0..<max(-exponent, 0) {
            guard value % 10 == 0 else { return nil }
            value /= 10
        }
        return value
    }

    /// The value as an integer type, where it is one and fits.
    @inline(__always)
    func integer<T: FixedWidthInteger>(_ type: T.Type) -> T? {
        guard let magnitude = isIntegerText && !isTruncated && exponent == 0 ? mantissa : integerMagnitude else {
            return nil
        }
        guard isNegative else { return T(exactly: magnitude) }
        guard magnitude <= 1 << 63 else { return nil }
        return T(exactly: Int64(truncatingIfNeeded: 0 &- magnitude))
    }

    @inline(__always)
    private mutating func take(_ byte: UInt8, isFraction: Bool) -> Bool {
        let digit = UInt64(byte &- UInt8(ascii: "0"))
        guard digit < 10 else { return false }
        if mantissa <= (UInt64.max - 9) / 10 {
            mantissa = mantissa * 10 + digit
            if isFraction { exponent -= 1 }
            return true
        }
        let (product, overflow) = mantissa.multipliedReportingOverflow(by: 10)
        let (sum, carry) = product.addingReportingOverflow(digit)
        if !overflow, !carry, !isTruncated {
            mantissa = sum
            if isFraction { exponent -= 1 }
        } else {
            // A zero that does not fit is no loss: behind the point it says nothing, before it it moves the point.
            if digit != 0 { isTruncated = true }
            if !isFraction { exponent += 1 }
        }
        return true
    }

    private mutating func takeExponent(_ text: UnsafePointer<UInt8>, from start: Int) -> Int? {
        isIntegerText = false
        var place = start
        let negative = text[place] == UInt8(ascii: "-")
        if negative || text[place] == UInt8(ascii: "+") { place += 1 }
        let first = place
        var value = 0
        while text[place] &- UInt8(ascii: "0") < 10 {
            // Far beyond what any float holds, and no overflow.
            value = min(value * 10 + Int(text[place] - UInt8(ascii: "0")), 1 << 30)
            place += 1
        }
        guard place > first else { return nil }
        exponent += negative ? -value : value
        return place
    }
}
