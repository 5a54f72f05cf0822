/// A brain float: the upper half of a float32 (8 bits of exponent, 7 of fraction).
public struct BFloat16: Sendable, Hashable {
    /// Its bits.
    public var bits: UInt16

    /// From bits.
    ///
    /// - Parameter bits: sign, exponent, fraction.
    public init(bits: UInt16) { self.bits = bits }

    /// The nearest to a number, ties to even.
    ///
    /// - Parameter value: any; a NaN stays one.
    public init(_ value: Float) {
        let raw = value.bitPattern
        if value.isNaN {
            bits = UInt16(raw >> 16) | 0x40
        } else {
            bits = UInt16(truncatingIfNeeded: (raw &+ 0x7fff &+ ((raw >> 16) & 1)) >> 16)
        }
    }

    /// Its value, exactly.
    public var value: Float { Float(bitPattern: UInt32(bits) << 16) }
}

/// The two 8-bit floats of "FP8 Formats for Deep Learning" (Micikevicius et al., 2022), as ml_dtypes rounds them.
public enum Float8Format: Sendable {
    /// 4 bits of exponent, 3 of fraction, no infinities: too large becomes NaN.
    case e4m3fn
    /// 5 bits of exponent, 2 of fraction, with infinities.
    case e5m2

    /// The value of each of the 256 patterns.
    public static let e4m3fnValues: [Float] = (0...255).map { decode(UInt8($0), exponentBits: 4, bias: 7) }
    /// The value of each of the 256 patterns.
    public static let e5m2Values: [Float] = (0...255).map { decode(UInt8($0), exponentBits: 5, bias: 15) }

    /// The value of each of the 256 patterns.
    public var values: [Float] { self == .e4m3fn ? Self.e4m3fnValues : Self.e5m2Values }

    /// The pattern nearest to a number, ties to even.
    ///
    /// - Parameter value: any.
    public func encode(_ value: Float) -> UInt8 {
        let sign: UInt8 = value.sign == .minus ? 0x80 : 0
        let largest: UInt8 = self == .e4m3fn ? 0x7e : 0x7b
        let beyond: UInt8 = self == .e4m3fn ? 0x7f : 0x7c
        if value.isNaN { return sign | (self == .e4m3fn ? 0x7f : 0x7e) }
        let magnitude = value.magnitude
        let values = self.values
        // Half a step beyond the largest number rounds away from it; the tie goes to the even one, which lies beyond
        // for e5m2 (0x7b is odd) and is the largest itself for e4m3fn (0x7e is even).
        let step = values[Int(largest)] - values[Int(largest) - 1]
        let edge = values[Int(largest)] + step / 2
        if magnitude > edge || (magnitude == edge && largest & 1 == 1) { return sign | beyond }
        var low = 0
        var high = Int(largest)
        while low < high {
            let middle = (low + high + 1) / 2
            if values[middle] <= magnitude { low = middle } else { high = middle - 1 }
        }
        guard low < Int(largest) else { return sign | largest }
        let below = magnitude - values[low]
        let above = values[low + 1] - magnitude
        let up = above < below || (above == below && low & 1 == 1)
        return sign | UInt8(up ? low + 1 : low)
    }

    private static func decode(_ bits: UInt8, exponentBits: Int, bias: Int) -> Float {
        let fractionBits = 7 - exponentBits
        let exponent = Int(bits & 0x7f) >> fractionBits
        let fraction = Float(Int(bits) & ((1 << fractionBits) - 1)) / Float(1 << fractionBits)
        let sign: Float = bits & 0x80 == 0 ? 1 : -1
        if exponentBits == 4, bits & 0x7f == 0x7f { return .nan }
        if exponentBits == 5, exponent == 31 { return fraction == 0 ? sign * .infinity : .nan }
        if exponent == 0 { return sign * Float(sign: .plus, exponent: 1 - bias, significand: 1) * fraction }
        return sign * Float(sign: .plus, exponent: exponent - bias, significand: 1) * (1 + fraction)
    }
}
