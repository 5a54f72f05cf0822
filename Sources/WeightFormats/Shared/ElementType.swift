internal import Weights

/// An element type as a stream names it: NumPy's `str(dtype)`, or its array-protocol string with a byte order (`>f4`).
struct ElementType: Equatable {
    let dtype: DType
    /// The elements' bytes are in network order; never so for single bytes.
    let bigEndian: Bool

    /// Little-endian.
    init(_ dtype: DType) { self.init(dtype, bigEndian: false) }

    private init(_ dtype: DType, bigEndian: Bool) {
        self.dtype = dtype
        self.bigEndian = bigEndian
    }

    /// Nil for what is not of protocol.md, section 1.
    init?(text: String) {
        if let known = DType(rawValue: text) {
            self.init(known)
            return
        }
        guard let order = text.first, "<>=|".contains(order), let known = Self.codes[String(text.dropFirst())] else {
            return nil
        }
        self.init(known, bigEndian: order == ">" && known.itemSize > 1)
    }

    /// For those that NumPy has a code for, the array-protocol string; for the others their name, which NumPy
    /// understands once `ml_dtypes` is imported.
    static func code(of dtype: DType) -> String {
        guard let code = codes.first(where: { $0.value == dtype })?.key else { return dtype.rawValue }
        return (dtype.itemSize == 1 ? "|" : "<") + code
    }

    /// For a refusal.
    static let admitted = DType.allCases.map(\.rawValue).joined(separator: ", ")

    private static let codes: [String: DType] = [
        "f2": .float16, "f4": .float32, "f8": .float64, "b1": .bool,
        "i1": .int8, "i2": .int16, "i4": .int32, "i8": .int64,
        "u1": .uint8, "u2": .uint16, "u4": .uint32, "u8": .uint64,
    ]
}
