/// The opcodes that are admitted, under the names of Python's `pickletools`.
///
/// Those missing belong to protocols 0 and 1, to sets, to recursive tuples and to objects of other classes.
enum PickleOpcode: UInt8 {
    case proto = 0x80
    case frame = 0x95
    case stop = 0x2e
    case mark = 0x28
    // Constants and numbers.
    case none = 0x4e
    case newTrue = 0x88
    case newFalse = 0x89
    case binint = 0x4a
    case binint1 = 0x4b
    case binint2 = 0x4d
    case long1 = 0x8a
    case long4 = 0x8b
    case binfloat = 0x47
    // Text and bytes.
    case shortBinunicode = 0x8c
    case binunicode = 0x58
    case binunicode8 = 0x8d
    case shortBinbytes = 0x43
    case binbytes = 0x42
    case binbytes8 = 0x8e
    case bytearray8 = 0x96
    // Containers.
    case emptyTuple = 0x29
    case tuple1 = 0x85
    case tuple2 = 0x86
    case tuple3 = 0x87
    case tuple = 0x74
    case emptyList = 0x5d
    case append = 0x61
    case appends = 0x65
    case emptyDict = 0x7d
    case setitem = 0x73
    case setitems = 0x75
    // The memo.
    case memoize = 0x94
    case binput = 0x71
    case longBinput = 0x72
    case binget = 0x68
    case longBinget = 0x6a
    // Objects.
    case global = 0x63
    case stackGlobal = 0x93
    case reduce = 0x52
    case build = 0x62

    /// Bytes of the argument, without what a length in it announces.
    var argumentSize: Int {
        switch self {
        case .proto, .binint1, .long1, .shortBinunicode, .shortBinbytes, .binput, .binget: 1
        case .binint2: 2
        case .binint, .long4, .binunicode, .binbytes, .longBinput, .longBinget: 4
        case .frame, .binfloat, .binunicode8, .binbytes8, .bytearray8: 8
        default: 0
        }
    }
}
