internal import Weights

/// Writes one array as coordinates and values, flag 2.
///
/// The dense elements are gone through once a dimension and once more for the values, so that no list of them is kept.
struct SparseRecord {
    let spec: ArraySpec
    let elements: Nonzero

    func write(index: Int, to sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        let ndim = spec.shape.count
        let count = elements.count
        let length = 12 + 4 * ndim + count * (4 * ndim + spec.dtype.itemSize)
        var head = FEDWT001Writer.recordHead(index: index, flag: 2, length: length)
        head.appendLittleEndian(UInt32(ndim))
        for length in spec.shape { head.appendLittleEndian(UInt32(length)) }
        head.appendLittleEndian(UInt64(count))
        try head.withUnsafeBytes(sink)

        var piece = Piece()
        for dimension in 0..<ndim {
            let length = Int(spec.shape[dimension])
            let stride = spec.shape[(dimension + 1)...].reduce(1) { $0 * Int($1) }
            try elements.forEach { element in
                try piece.append(UInt32(element / stride % length), to: sink)
            }
        }
        try elements.forEach { element in
            let start = element * spec.dtype.itemSize
            try piece.append(elements.bytes[start..<start + spec.dtype.itemSize], to: sink)
        }
        try piece.flush(to: sink)
    }
}

/// Gathers small writes into pieces worth a call.
struct Piece {
    private static let size = 64 << 10
    private var bytes: [UInt8] = []

    init() { bytes.reserveCapacity(Self.size) }

    mutating func append(_ coordinate: UInt32, to sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        if bytes.count + 4 > Self.size { try flush(to: sink) }
        bytes.appendLittleEndian(coordinate)
    }

    mutating func append(
        _ value: Slice<UnsafeRawBufferPointer>, to sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        if bytes.count + value.count > Self.size { try flush(to: sink) }
        bytes.append(contentsOf: value)
    }

    mutating func flush(to sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        guard !bytes.isEmpty else { return }
        try bytes.withUnsafeBytes(sink)
        bytes.removeAll(keepingCapacity: true)
    }
}
