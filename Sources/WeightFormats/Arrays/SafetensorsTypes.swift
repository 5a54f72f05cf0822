internal import Weights

extension DType {
    private static let safetensors: [(String, DType)] = [
        ("F64", .float64), ("F32", .float32), ("F16", .float16), ("BF16", .bfloat16), ("F8_E4M3", .float8e4m3fn),
        ("F8_E5M2", .float8e5m2), ("I64", .int64), ("I32", .int32), ("I16", .int16), ("I8", .int8), ("U64", .uint64),
        ("U32", .uint32), ("U16", .uint16), ("U8", .uint8), ("BOOL", .bool),
    ]

    /// The type of that name in safetensors.
    init?(safetensors name: String) {
        guard let known = Self.safetensors.first(where: { $0.0 == name }) else { return nil }
        self = known.1
    }

    /// Its name in safetensors, which has all of them.
    var safetensorsName: String { Self.safetensors.first { $0.1 == self }?.0 ?? rawValue }

    /// For a refusal.
    static var safetensorsNames: String { safetensors.map(\.0).joined(separator: ", ") }
}
