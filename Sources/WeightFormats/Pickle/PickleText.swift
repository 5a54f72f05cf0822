internal import Weights
internal import WireJSON

/// Writes the opcodes of protocol 4.
///
/// What comes again, such as a global or a dtype, is taken from the memo, so that ten thousand arrays do not name
/// NumPy's functions ten thousand times.
struct PickleText {
    var bytes: [UInt8] = [PickleOpcode.proto.rawValue, 4]
    private var memo: [String: UInt8] = [:]

    mutating func add(_ opcode: PickleOpcode) { bytes.append(opcode.rawValue) }

    mutating func text(_ text: String) {
        let utf8 = Array(text.utf8)
        if utf8.count <= 255 {
            add(.shortBinunicode)
            bytes.append(UInt8(utf8.count))
        } else {
            add(.binunicode8)
            bytes.appendLittleEndian(UInt64(utf8.count))
        }
        bytes += utf8
    }

    mutating func integer(_ value: Int64) {
        if let small = UInt8(exactly: value) {
            add(.binint1)
            bytes.append(small)
        } else if let word = Int32(exactly: value) {
            add(.binint)
            bytes.appendLittleEndian(word)
        } else {
            add(.long1)
            bytes.append(8)
            bytes.appendLittleEndian(value)
        }
    }

    /// A value of the metadata; objects with sorted keys.
    mutating func value(_ value: JSONValue) throws(WeightFailure) {
        switch value {
        case .null: add(.none)
        case .bool(let value): add(value ? .newTrue : .newFalse)
        case .integer(let value): integer(value)
        case .number(let value):
            guard value.isFinite else { throw WeightFailure("the metadata holds \(value), which JSON cannot", at: 0) }
            add(.binfloat)
            bytes.appendLittleEndian(value.bitPattern.byteSwapped)
        case .string(let value): text(value)
        case .array(let elements):
            add(.emptyList)
            for element in elements {
                try self.value(element)
                add(.append)
            }
        case .object(let members):
            add(.emptyDict)
            for (key, member) in members.sorted(by: { $0.key < $1.key }) {
                text(key)
                try self.value(member)
                add(.setitem)
            }
        }
    }

    /// A tuple of lengths.
    mutating func shape(_ shape: [UInt64]) {
        if shape.isEmpty { return add(.emptyTuple) }
        add(.mark)
        for length in shape { integer(Int64(clamping: length)) }
        add(.tuple)
    }

    /// An array up to its elements, which come next, and then `endArray`.
    mutating func beginArray(_ dtype: DType, shape: [UInt64], byteCount: Int) {
        global("numpy.core.multiarray", "_reconstruct")
        global("numpy", "ndarray")
        integer(0)
        add(.tuple1)
        binary(count: 1)
        bytes.append(UInt8(ascii: "b"))
        add(.tuple3)
        add(.reduce)
        add(.mark)
        integer(1)
        self.shape(shape)
        element(dtype)
        add(.newFalse)
        binary(count: byteCount)
    }

    mutating func endArray() {
        add(.tuple)
        add(.build)
    }

    private mutating func binary(count: Int) {
        if let small = UInt8(exactly: count) {
            add(.shortBinbytes)
            bytes.append(small)
        } else if let word = UInt32(exactly: count) {
            add(.binbytes)
            bytes.appendLittleEndian(word)
        } else {
            add(.binbytes8)
            bytes.appendLittleEndian(UInt64(count))
        }
    }

    private mutating func global(_ module: String, _ name: String) {
        if recall(module + " " + name) { return }
        text(module)
        text(name)
        add(.stackGlobal)
        remember(module + " " + name)
    }

    private mutating func element(_ dtype: DType) {
        if recall(dtype.rawValue) { return }
        let code = ElementType.code(of: dtype)
        global("numpy", "dtype")
        text(String(code.dropFirst()))
        add(.newFalse)
        add(.newTrue)
        add(.tuple3)
        add(.reduce)
        remember(dtype.rawValue)
        add(.mark)
        integer(3)
        text(String(code.prefix(1)))
        for _ in 0..<3 { add(.none) }
        for value: Int64 in [-1, -1, 0] { integer(value) }
        add(.tuple)
        add(.build)
    }

    /// False for what was not written yet.
    private mutating func recall(_ key: String) -> Bool {
        guard let index = memo[key] else { return false }
        add(.binget)
        bytes.append(index)
        return true
    }

    /// There are three globals and a dtype for each `DType` at most, so that the index fits a byte.
    private mutating func remember(_ key: String) {
        add(.memoize)
        memo[key] = UInt8(memo.count)
    }
}
