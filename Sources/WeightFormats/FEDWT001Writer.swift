public import Weights
public import WireJSON

/// Whether arrays that are mostly zeros are written sparsely.
public enum SparseEncoding: Sendable, Hashable {
    /// Every array densely.
    case never
    /// Flag 2, coordinates without pickle.
    case coo
}

/// Writes a weight set as a FEDWT001 stream (protocol.md, section 1); equal arrays give equal bytes.
public struct FEDWT001Writer {
    private let arrays: [ArraySpec]
    private let metadata: [String: JSONValue]
    private let sparse: SparseEncoding

    /// A writer of these arrays.
    ///
    /// - Parameters:
    ///   - arrays: in the order of their indices; dimensions below 2^32, names included.
    ///   - metadata: without `layer_names`, which come from the arrays.
    ///   - sparse: for arrays of which more than nine tenths are zeros.
    public init(arrays: [ArraySpec], metadata: [String: JSONValue], sparse: SparseEncoding = .coo) {
        self.arrays = arrays
        self.metadata = metadata
        self.sparse = sparse
    }

    /// Bytes that the stream has at most.
    ///
    /// A sparse array is never the larger one at the threshold of nine tenths unless it has many dimensions.
    public var maximumSize: Int {
        arrays.reduce((try? head().count) ?? 0) { size, array in
            let entries = sparse == .coo ? array.count / 10 : 0
            let sparseSize = 12 + 4 * array.shape.count + entries * (4 * array.shape.count + array.dtype.itemSize)
            return size + 13 + max(array.byteCount, sparseSize)
        }
    }

    /// Writes the stream.
    ///
    /// - Parameters:
    ///   - source: gives the elements of an array, C order, little-endian; called in ascending order, the bytes are
    ///     used until the next call.
    ///   - sink: gets the stream in pieces.
    /// - Throws: what the two throw, and `JSONFailure` for metadata that JSON cannot hold.
    public func write(
        _ source: (Int) throws -> UnsafeRawBufferPointer, to sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try head().withUnsafeBytes(sink)
        for (index, array) in arrays.enumerated() {
            let dense = try source(index)
            precondition(dense.count == array.byteCount, "the source gives all the bytes of an array")
            if let entries = sparseEntries(dense, array) {
                try writeSparse(index, array, dense, entries, sink)
            } else {
                try record(index, flag: 0, length: dense.count).withUnsafeBytes(sink)
                try sink(dense)
            }
        }
    }

    private func head() throws -> [UInt8] {
        var object = metadata
        if arrays.contains(where: { $0.name != nil }) {
            object["layer_names"] = .array(arrays.map { $0.name.map(JSONValue.string) ?? .null })
        }
        let text = try JSONValue.object(object).encoded()
        var bytes = Array("FEDWT001".utf8)
        Self.append(UInt32(arrays.count), to: &bytes)
        Self.append(UInt32(text.count), to: &bytes)
        bytes += text
        for array in arrays {
            bytes.append(UInt8(array.shape.count))
            for length in array.shape { Self.append(UInt32(truncatingIfNeeded: length), to: &bytes) }
            let name = Array(array.dtype.rawValue.utf8)
            bytes.append(UInt8(name.count))
            bytes += name
            Self.append(UInt64(array.count), to: &bytes)
        }
        return bytes
    }

    private func record(_ index: Int, flag: UInt8, length: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        Self.append(UInt32(index), to: &bytes)
        bytes.append(flag)
        Self.append(UInt64(length), to: &bytes)
        return bytes
    }

    /// How many elements are not zero, when the array is to be written sparsely.
    private func sparseEntries(_ dense: UnsafeRawBufferPointer, _ array: ArraySpec) -> Int? {
        guard sparse == .coo, !array.shape.isEmpty, array.count > 0 else { return nil }
        let most = array.count - (array.count * 9 / 10 + 1)
        var entries = 0
        for index in 0..<array.count where !Self.isZero(dense, index, array.dtype.itemSize) {
            entries += 1
            if entries > most { return nil }
        }
        return entries
    }

    private func writeSparse(
        _ index: Int, _ array: ArraySpec, _ dense: UnsafeRawBufferPointer, _ entries: Int,
        _ sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let size = array.dtype.itemSize
        let length = 12 + 4 * array.shape.count + entries * (4 * array.shape.count + size)
        var bytes = record(index, flag: 2, length: length)
        Self.append(UInt32(array.shape.count), to: &bytes)
        for dimension in array.shape { Self.append(UInt32(truncatingIfNeeded: dimension), to: &bytes) }
        Self.append(UInt64(entries), to: &bytes)
        let elements = (0..<array.count).filter { !Self.isZero(dense, $0, size) }
        var stride = 1
        var coordinates: [[UInt32]] = []
        for dimension in array.shape.reversed() {
            coordinates.append(elements.map { UInt32(truncatingIfNeeded: $0 / stride % Int(dimension)) })
            stride *= Int(dimension)
        }
        for dimension in coordinates.reversed() {
            for coordinate in dimension { Self.append(coordinate, to: &bytes) }
        }
        for element in elements { bytes += dense[element * size..<(element + 1) * size] }
        try bytes.withUnsafeBytes(sink)
    }

    /// All bits zero: −0.0 is a value.
    private static func isZero(_ dense: UnsafeRawBufferPointer, _ index: Int, _ size: Int) -> Bool {
        switch size {
        case 1: dense.loadUnaligned(fromByteOffset: index, as: UInt8.self) == 0
        case 2: dense.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self) == 0
        case 4: dense.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self) == 0
        default: dense.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self) == 0
        }
    }

    private static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
}
