/// The element types of protocol.md, section 1, under NumPy's names (`str(dtype)`).
public enum DType: String, Sendable, Hashable, CaseIterable {
    case float16, float32, float64, bfloat16
    case float8e4m3fn = "float8_e4m3fn"
    case float8e5m2 = "float8_e5m2"
    case int8, int16, int32, int64
    case uint8, uint16, uint32, uint64
    case bool

    /// Bytes of one element.
    public var itemSize: Int {
        switch self {
        case .int8, .uint8, .bool, .float8e4m3fn, .float8e5m2: 1
        case .float16, .bfloat16, .int16, .uint16: 2
        case .float32, .int32, .uint32: 4
        case .float64, .int64, .uint64: 8
        }
    }
}
