internal import Glibc
internal import Weights

/// Decimal to binary, rounded once: to nearest, ties to even.
///
/// The quick way brackets the number between two doubles; when both round to the same narrow float, so does all that
/// lies between. Only where they do not is the C library asked.
///
/// `text` is where the number begins, with a byte behind it that no number has.
extension JSONNumber {
    private static let exactPowers: [Double] = (0...22).map { power in
        (0..<power).reduce(1.0) { value, _ in value * 10 }
    }

    /// The nearest double; an infinity when it is beyond all.
    func float64(_ text: UnsafePointer<UInt8>) -> Double {
        if mantissa == 0, !isTruncated { return isNegative ? -0.0 : 0 }
        if !isTruncated, mantissa <= 1 << 53, (-22...22).contains(exponent) {
            let value = Double(mantissa)
            // Both operands are exact, so that this one operation rounds correctly.
            let result =
                exponent < 0 ? value / Self.exactPowers[-exponent] : value * Self.exactPowers[exponent]
            return isNegative ? -result : result
        }
        return Self.parse(text)
    }

    /// The nearest float; an infinity when it is beyond all.
    func float32(_ text: UnsafePointer<UInt8>) -> Float {
        if mantissa == 0, !isTruncated { return isNegative ? -0.0 : 0 }
        if let (low, high) = bracket() {
            let value = Float(low)
            if value == Float(high) { return isNegative ? -value : value }
        }
        return text.withMemoryRebound(to: CChar.self, capacity: 1) { strtof($0, nil) }
    }

    /// The nearest of a narrower format.
    ///
    /// - Parameter encode: the pattern nearest to a float.
    func narrow<Bits: Equatable>(_ text: UnsafePointer<UInt8>, _ encode: (Float) -> Bits) -> Bits {
        if mantissa == 0, !isTruncated { return encode(isNegative ? -0.0 : 0) }
        let sign = isNegative ? -1.0 : 1.0
        if let (low, high) = bracket() {
            let bits = encode(Self.roundedToOdd(sign * low))
            if bits == encode(Self.roundedToOdd(sign * high)) { return bits }
        }
        return encode(Self.roundedToOdd(Self.parseToOdd(text)))
    }

    /// Two doubles between which the magnitude lies; the same one twice when it is exact.
    private func bracket() -> (low: Double, high: Double)? {
        guard !isTruncated, (-44...44).contains(exponent) else { return nil }
        var value = Double(mantissa)
        let power = abs(exponent)
        let first = Self.exactPowers[min(power, 22)]
        let second = Self.exactPowers[max(power - 22, 0)]
        if power == 0, mantissa <= 1 << 53 { return (value, value) }
        if exponent < 0 {
            let quotient = value / first
            if power <= 22, mantissa <= 1 << 53,
                value.addingProduct(-quotient, first) == 0
            {
                return (quotient, quotient)
            }
            value = quotient / second
        } else {
            value = value * first * second
        }
        // At most three roundings, each of half a unit in the last place or, across a power of two, a whole one.
        return (Double(bitPattern: value.bitPattern - 4), Double(bitPattern: value.bitPattern + 4))
    }

    private static func parse(_ text: UnsafePointer<UInt8>) -> Double {
        text.withMemoryRebound(to: CChar.self, capacity: 1) { strtod($0, nil) }
    }

    /// Rounded to odd (Boldo and Melquiond, 2008): what is rounded to fewer bits after this is rounded as if once.
    private static func parseToOdd(_ text: UnsafePointer<UInt8>) -> Double {
        let mode = fegetround()
        fesetround(FE_DOWNWARD as Int32)
        let low = parse(text)
        fesetround(FE_UPWARD as Int32)
        let high = parse(text)
        fesetround(mode)
        return low == high || low.bitPattern & 1 == 1 ? low : high
    }

    private static func roundedToOdd(_ value: Double) -> Float {
        let nearest = Float(value)
        if Double(nearest) == value { return nearest }
        let isBeyond = Double(nearest).magnitude > value.magnitude
        return Float(bitPattern: (isBeyond ? nearest.bitPattern - 1 : nearest.bitPattern) | 1)
    }
}
