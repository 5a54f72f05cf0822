public import Weights
public import WireJSON

/// Writes a pickle of protocol 4 that NumPy 1.26 and 2 load: a dict name → array when all arrays have names of their own,
/// else a list; within `{"weights": …, "metadata": …}` when there is metadata.
public struct PickleEncoder: WeightEncoder {
    private let arrays: [ArraySpec]
    private let metadata: [String: JSONValue]

    /// An encoder for these arrays.
    ///
    /// - Parameters:
    ///   - arrays: in order.
    ///   - metadata: any.
    public init(arrays: [ArraySpec], metadata: [String: JSONValue]) {
        self.arrays = arrays
        self.metadata = metadata
    }

    /// Writes the stream.
    public func write(
        _ source: (Int) throws -> UnsafeRawBufferPointer, to sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        for (index, spec) in arrays.enumerated() { try spec.checkNumPy(index: index) }
        let names = Set(arrays.compactMap(\.name))
        let isNamed = names.count == arrays.count
        var text = PickleWriter()
        if !metadata.isEmpty {
            text.bytes += [UInt8(ascii: "}"), UInt8(ascii: "(")]
            text.add("metadata")
            try text.add(.object(metadata))
            text.add("weights")
        }
        text.bytes += [UInt8(ascii: isNamed ? "}" : "]"), UInt8(ascii: "(")]
        for (index, spec) in arrays.enumerated() {
            let elements = try source(index)
            try spec.check(elements.count, index: index)
            if isNamed, let name = spec.name { text.add(name) }
            text.beginArray(spec)
            try text.bytes.withUnsafeBytes(sink)
            text.bytes.removeAll(keepingCapacity: true)
            if !elements.isEmpty { try sink(elements) }
            text.endArray()
        }
        text.bytes.append(UInt8(ascii: isNamed ? "u" : "e"))
        if !metadata.isEmpty { text.bytes.append(UInt8(ascii: "u")) }
        text.bytes.append(UInt8(ascii: "."))
        try text.bytes.withUnsafeBytes(sink)
    }
}

/// Opcodes of protocol 4, without frames and memo, which no reader needs.
struct PickleWriter {
    var bytes: [UInt8] = [0x80, 4]

    mutating func add(_ text: String) {
        bytes.append(UInt8(ascii: "X"))
        bytes.appendLittleEndian(UInt32(clamping: text.utf8.count))
        bytes += text.utf8
    }

    mutating func add(_ number: Int64) {
        if let small = Int32(exactly: number) {
            bytes.append(UInt8(ascii: "J"))
            bytes.appendLittleEndian(small)
        } else {
            bytes += [0x8a, 8]
            bytes.appendLittleEndian(number)
        }
    }

    mutating func add(_ value: JSONValue) throws(WeightFailure) {
        switch value {
        case .null: bytes.append(UInt8(ascii: "N"))
        case .bool(let flag): bytes.append(flag ? 0x88 : 0x89)
        case .integer(let number): add(number)
        case .number(let number):
            bytes.append(UInt8(ascii: "G"))
            bytes.appendLittleEndian(number.bitPattern.byteSwapped)
        case .string(let text): add(text)
        case .array(let elements):
            bytes += [UInt8(ascii: "]"), UInt8(ascii: "(")]
            for element in elements { try add(element) }
            bytes.append(UInt8(ascii: "e"))
        case .object(let members):
            bytes += [UInt8(ascii: "}"), UInt8(ascii: "(")]
            for (key, value) in members.sorted(by: { $0.key < $1.key }) {
                add(key)
                try add(value)
            }
            bytes.append(UInt8(ascii: "u"))
        }
    }

    /// Up to the elements: `_reconstruct(ndarray, (0,), b"b")` and the state's beginning.
    mutating func beginArray(_ spec: ArraySpec) {
        bytes += "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n".utf8
        bytes += [UInt8(ascii: "K"), 0, 0x85, UInt8(ascii: "C"), 1, UInt8(ascii: "b"), 0x87, UInt8(ascii: "R")]
        bytes += [UInt8(ascii: "("), UInt8(ascii: "K"), 1, UInt8(ascii: "(")]
        for length in spec.shape { add(Int64(clamping: length)) }
        bytes.append(UInt8(ascii: "t"))
        let code = ElementType.code(of: spec.dtype)
        bytes += "cnumpy\ndtype\n".utf8
        add(String(code.dropFirst()))
        bytes += [0x89, 0x88, 0x87, UInt8(ascii: "R"), UInt8(ascii: "("), UInt8(ascii: "K"), 3]
        add(String(code.prefix(1)))
        bytes += "NNN".utf8
        add(-1)
        add(-1)
        add(0)
        bytes += [UInt8(ascii: "t"), UInt8(ascii: "b"), 0x89]
        if let count = UInt32(exactly: spec.byteCount) {
            bytes.append(UInt8(ascii: "B"))
            bytes.appendLittleEndian(count)
        } else {
            bytes.append(0x8e)
            bytes.appendLittleEndian(UInt64(spec.byteCount))
        }
    }

    mutating func endArray() { bytes += "tb".utf8 }
}
