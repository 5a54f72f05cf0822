internal import Weights

/// An element type as the mean sees it: exactly a float64 on the way in, rounded to the nearest on the way out.
protocol MeanElement {
    /// What lies in memory.
    associatedtype Raw

    static func widen(_ raw: Raw) -> Double
    static func narrow(_ mean: Double) -> Raw
}

enum Float16Element: MeanElement {
    static func widen(_ raw: Float16) -> Double { Double(raw) }
    static func narrow(_ mean: Double) -> Float16 { Float16(mean) }
}

enum Float32Element: MeanElement {
    static func widen(_ raw: Float) -> Double { Double(raw) }
    static func narrow(_ mean: Double) -> Float { Float(mean) }
}

enum Float64Element: MeanElement {
    static func widen(_ raw: Double) -> Double { raw }
    static func narrow(_ mean: Double) -> Double { mean }
}

enum BFloat16Element: MeanElement {
    static func widen(_ raw: UInt16) -> Double { Double(BFloat16(bits: raw).value) }
    static func narrow(_ mean: Double) -> UInt16 { BFloat16(Float(mean)).bits }
}

enum Float8e4m3fnElement: MeanElement {
    static func widen(_ raw: UInt8) -> Double { Double(Float8Format.e4m3fnValues[Int(raw)]) }
    static func narrow(_ mean: Double) -> UInt8 { Float8Format.e4m3fn.encode(Float(mean)) }
}

enum Float8e5m2Element: MeanElement {
    static func widen(_ raw: UInt8) -> Double { Double(Float8Format.e5m2Values[Int(raw)]) }
    static func narrow(_ mean: Double) -> UInt8 { Float8Format.e5m2.encode(Float(mean)) }
}

/// Integers: half to even, saturating (protocol.md, section 7).
enum IntegerElement<Raw: FixedWidthInteger>: MeanElement {
    static func widen(_ raw: Raw) -> Double { Double(raw) }

    static func narrow(_ mean: Double) -> Raw {
        let rounded = mean.rounded(.toNearestOrEven)
        // Double(Raw.max) may round up to one beyond the largest, so that equality already saturates.
        if rounded >= Double(Raw.max) { return Raw.max }
        if rounded <= Double(Raw.min) { return Raw.min }
        return rounded.isNaN ? 0 : Raw(rounded)
    }
}

enum BoolElement: MeanElement {
    static func widen(_ raw: UInt8) -> Double { raw == 0 ? 0 : 1 }
    static func narrow(_ mean: Double) -> UInt8 { mean >= 0.5 ? 1 : 0 }
}
