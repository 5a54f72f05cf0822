public import Weights
public import WireJSON

/// Writes one array as a .npy file (NEP 1), version 1.0 where its head fits; names and metadata have no place in it.
public struct NPYEncoder: WeightEncoder {
    private let arrays: [ArraySpec]

    /// An encoder for one array.
    ///
    /// - Parameters:
    ///   - arrays: exactly one.
    ///   - metadata: is left out.
    public init(arrays: [ArraySpec], metadata: [String: JSONValue]) { self.arrays = arrays }

    /// Writes the stream.
    public func write(
        _ source: (Int) throws -> UnsafeRawBufferPointer, to sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        guard arrays.count == 1, let spec = arrays.first else {
            throw WeightFailure("npy holds one array, not \(arrays.count); npz holds several", at: 0)
        }
        let head = try Self.head(of: spec, index: 0)
        let bytes = try source(0)
        try spec.check(bytes.count, index: 0)
        try head.withUnsafeBytes(sink)
        if !bytes.isEmpty { try sink(bytes) }
    }

    /// Magic, length and dictionary, padded so that the elements begin at a multiple of 64.
    static func head(of spec: ArraySpec, index: Int) throws(WeightFailure) -> [UInt8] {
        try spec.checkNumPy(index: index)
        let shape = spec.shape.map { String($0) }.joined(separator: ", ") + (spec.shape.count == 1 ? "," : "")
        var text = Array(
            "{'descr': '\(ElementType.code(of: spec.dtype))', 'fortran_order': False, 'shape': (\(shape)), }".utf8)
        // 32 lengths of 20 digits are far below what version 1.0 holds.
        text += Array(repeating: UInt8(ascii: " "), count: (64 - (10 + text.count + 1) % 64) % 64)
        text.append(UInt8(ascii: "\n"))
        var head: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0]
        head.appendLittleEndian(UInt16(text.count))
        return head + text
    }
}

extension ArraySpec {
    /// Refuses what NumPy has no type for.
    func checkNumPy(index: Int) throws(WeightFailure) {
        guard !dtype.isNumPy else { return }
        let name = name.map { " (\($0.quoted))" } ?? ""
        throw WeightFailure(
            "array \(index)\(name) is \(dtype.rawValue), which NumPy's formats cannot hold", at: 0, array: index)
    }

    /// Refuses a source that gives another number of bytes.
    func check(_ given: Int, index: Int) throws(WeightFailure) {
        guard given == byteCount else {
            throw WeightFailure("\(given) bytes were given of \(byteCount)", at: 0, array: index)
        }
    }
}

extension DType {
    /// Whether NumPy alone understands the type; bfloat16 and the 8-bit floats need `ml_dtypes` at the reader.
    var isNumPy: Bool {
        switch self {
        case .bfloat16, .float8e4m3fn, .float8e5m2: false
        default: true
        }
    }
}
