internal import Weights

/// An object that a pickle builds, of the few kinds that arrays need.
enum PickleValue {
    case none
    case bool(Bool)
    case integer(Int64)
    case float(Double)
    case text(PickleText)
    /// Where in the sink its bytes are.
    case bytes(Range<Int>)
    case tuple(PickleList)
    case list(PickleList)
    case dictionary(PickleDictionary)
    case global(PickleGlobal)
    case dtype(PickleDType)
    case array(PickleArray)

    /// For a refusal.
    var kind: String {
        switch self {
        case .none: "None"
        case .bool: "a bool"
        case .integer: "an int"
        case .float: "a float"
        case .text: "a str"
        case .bytes: "bytes"
        case .tuple: "a tuple"
        case .list: "a list"
        case .dictionary: "a dict"
        case .global(let global): "the global \(global.rawValue)"
        case .dtype: "a dtype"
        case .array: "an array"
        }
    }
}

/// A string; one that turned out to be an array's bytes is let go of.
final class PickleText {
    enum Place {
        case kept(String)
        /// As Latin-1 in the sink.
        case parked(Range<Int>)
    }

    var place: Place

    init(_ place: Place) { self.place = place }
}

/// A list, which grows after others refer to it, or a tuple.
final class PickleList {
    var elements: [PickleValue]

    init(_ elements: [PickleValue] = []) { self.elements = elements }
}

/// A dictionary in the order of its keys' first coming; the keys are strings.
final class PickleDictionary {
    private(set) var keys: [String] = []
    private(set) var values: [String: PickleValue] = [:]

    func set(_ key: String, _ value: PickleValue) {
        if values.updateValue(value, forKey: key) == nil { keys.append(key) }
    }

    func clear() {
        keys = []
        values = [:]
    }
}

/// An element type; its byte order comes behind it.
final class PickleDType {
    let dtype: DType
    var isBigEndian = false

    init(_ dtype: DType) { self.dtype = dtype }
}

/// An array; what it is comes behind it.
final class PickleArray {
    struct Contents {
        var shape: [UInt64]
        var dtype: PickleDType
        /// The axes in the order of memory, slowest first; nil for C order.
        var axes: [Int]?
        var bytes: Range<Int>
    }

    var contents: Contents?
}

/// The globals that a pickle may name.
///
/// Nothing of them is ever imported or called.
enum PickleGlobal: String {
    case reconstruct = "numpy.core.multiarray._reconstruct"
    case reconstruct2 = "numpy._core.multiarray._reconstruct"
    case frombuffer = "numpy.core.numeric._frombuffer"
    case frombuffer2 = "numpy._core.numeric._frombuffer"
    case ndarray = "numpy.ndarray"
    case dtype = "numpy.dtype"
    case encode = "_codecs.encode"
    case bytes = "builtins.bytes"
    case bytes2 = "__builtin__.bytes"
    case orderedDict = "collections.OrderedDict"
    case bfloat16 = "ml_dtypes.bfloat16"
    case float8e4m3fn = "ml_dtypes.float8_e4m3fn"
    case float8e5m2 = "ml_dtypes.float8_e5m2"
}
