/// What the elements of a dense array are to the filter `byteplane` (protocol.md, section 3).
///
/// The filter needs no more of a dtype than its size and whether it is a float: bfloat16 and float16 are alike to it.
public enum ItemKind: Sendable, Hashable, CaseIterable {
    /// Elements of one byte (int8, uint8, bool, the 8-bit floats), which the filter leaves as they are.
    case bytes
    /// Integers of two bytes.
    case integers16
    /// Integers of four bytes.
    case integers32
    /// Integers of eight bytes.
    case integers64
    /// Floats of two bytes: float16 and bfloat16.
    case floats16
    /// Floats of four bytes.
    case floats32
    /// Floats of eight bytes.
    case floats64

    /// The kind of a dtype, or nil when there is none of that size.
    ///
    /// - Parameters:
    ///   - itemSize: bytes of one element.
    ///   - isFloat: whether the dtype has an exponent.
    public init?(itemSize: Int, isFloat: Bool) {
        switch itemSize {
        case 1: self = .bytes
        case 2: self = isFloat ? .floats16 : .integers16
        case 4: self = isFloat ? .floats32 : .integers32
        case 8: self = isFloat ? .floats64 : .integers64
        default: return nil
        }
    }

    /// Bytes of one element.
    public var itemSize: Int {
        switch self {
        case .bytes: 1
        case .integers16, .floats16: 2
        case .integers32, .floats32: 4
        case .integers64, .floats64: 8
        }
    }

    /// Whether an element's bits are rotated, so that the exponent fills its top byte.
    public var isFloat: Bool {
        switch self {
        case .bytes, .integers16, .integers32, .integers64: false
        case .floats16, .floats32, .floats64: true
        }
    }
}
