/// A value on the stack of a pickle.
///
/// Numbers are held in it, all else lies in a `PickleGraph`: so a list that contains itself is no cycle of references,
/// and a value takes 16 bytes.
enum PickleValue {
    case none
    case bool(Bool)
    case integer(Int64)
    case float(Double)
    case text(Int32)
    /// Text that went to the sink as Latin-1, which only `_codecs.encode` may take; an index of buffers.
    case latin1(Int32)
    case buffer(Int32)
    case tuple(start: Int32, count: Int32)
    case list(Int32)
    case dict(Int32)
    case dtype(Int32)
    case array(Int32)
    case global(PickleGlobal)

    var isDict: Bool { if case .dict = self { true } else { false } }

    var isList: Bool { if case .list = self { true } else { false } }

    /// For a refusal.
    var kind: String {
        switch self {
        case .none: "None"
        case .bool: "a bool"
        case .integer: "an integer"
        case .float: "a float"
        case .text, .latin1: "a string"
        case .buffer: "bytes"
        case .tuple: "a tuple"
        case .list: "a list"
        case .dict: "a dict"
        case .dtype: "a dtype"
        case .array: "an array"
        case .global: "a global"
        }
    }

    /// A flag: Python 2 and old NumPy write 0 and 1.
    var flag: Bool? {
        switch self {
        case .bool(let value): value
        case .integer(0): false
        case .integer(1): true
        default: nil
        }
    }
}
