/// Floats as Python prints and reads them, since message checksums cover the printed form.
enum PythonFloat {
    /// What Python's `repr` gives: the shortest decimal that reads back as the same float.
    ///
    /// Swift's own text is that decimal too, but turns to an exponent at 2^53 where Python does at 10^16.
    static func repr(_ value: Double) -> String {
        let text = value.description
        guard (9e15..<1e17).contains(value.magnitude) else { return text }
        let sign = value < 0 ? "-" : ""
        let mantissa = text.dropFirst(sign.count).prefix { $0 != "e" }
        // In this range a float is an integer of 16 or 17 digits, of which the last ones may be left out as zeros.
        let width = value.magnitude < 1e16 ? 16 : 17
        var digits = Array(mantissa.hasSuffix(".0") ? mantissa.dropLast(2) : mantissa[...]).filter { $0 != "." }
        if width == 16 {
            return sign + String(digits) + String(repeating: "0", count: 16 - digits.count) + ".0"
        }
        while digits.count > 1, digits.last == "0" { digits.removeLast() }
        return sign + String(digits[0]) + (digits.count > 1 ? "." : "") + String(digits[1...]) + "e+16"
    }

    /// The float that a decimal such as `repr` prints stands for; neither NaN nor infinite.
    static func parse(_ text: String) -> Double? {
        let admitted = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"),
                UInt8(ascii: "+"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard admitted, let value = Double(text), value.isFinite else { return nil }
        return value
    }
}
