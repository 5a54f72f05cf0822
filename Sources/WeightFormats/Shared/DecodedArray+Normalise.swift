public import Weights

extension DecodedArray {
    /// Whether its elements lie in the sink's stream as they shall: all of them, little-endian, in C order.
    public var isNormal: Bool {
        if case .dense(_, nil, false) = storage { true } else { false }
    }

    /// Bytes of the sink's stream that it takes.
    public var storedBytes: Int {
        switch storage {
        case .dense(let bytes, _, _): bytes.count
        case .sparse(_, let coordinates, _, let values, _): coordinates.reduce(values.count) { $0 + $1.count }
        }
    }

    /// Writes all elements, little-endian, in C order.
    ///
    /// - Parameters:
    ///   - stream: all that the sink got.
    ///   - output: `spec.byteCount` bytes, all zero.
    /// - Throws: `WeightFailure` when a coordinate is outside the shape or comes twice.
    public func normalise(
        _ stream: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(WeightFailure) {
        precondition(output.count == spec.byteCount, "room for exactly the array")
        switch storage {
        case .dense(let bytes, let axes, let bigEndian):
            let source = UnsafeRawBufferPointer(rebasing: stream[bytes])
            if let axes, spec.count > 0 {
                Transposition(shape: spec.shape.map { Int($0) }, axes: axes, itemSize: spec.dtype.itemSize)
                    .copy(source, to: output)
            } else {
                output.copyMemory(from: source)
            }
            if bigEndian { Self.swap(output, spec.dtype.itemSize) }
        case .sparse(let count, let coordinates, let size, let values, let bigEndian):
            try Scatter(
                spec: spec, stream: stream, count: count, coordinates: coordinates, size: size, values: values
            ).copy(to: output)
            // Zeros are zeros in either order.
            if bigEndian { Self.swap(output, spec.dtype.itemSize) }
        }
    }

    private static func swap(_ bytes: UnsafeMutableRawBufferPointer, _ size: Int) {
        guard let base = bytes.baseAddress else { return }
        func swapped<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type) {
            for offset in stride(from: 0, to: bytes.count, by: size) {
                let value = base.loadUnaligned(fromByteOffset: offset, as: T.self)
                base.storeBytes(of: value.byteSwapped, toByteOffset: offset, as: T.self)
            }
        }
        switch size {
        case 2: swapped(UInt16.self)
        case 4: swapped(UInt32.self)
        case 8: swapped(UInt64.self)
        default: break
        }
    }
}

/// Copies elements from one order of axes to C order.
private struct Transposition {
    /// Of a tile's edge, in elements, so that a tile of both sides stays in the cache.
    private static let tile = 32

    private let shape: [Int]
    /// Of each axis in the source, in elements.
    private let strides: [Int]
    private let itemSize: Int

    /// - Parameter axes: of the shape, in the order of the source, slowest first.
    init(shape: [Int], axes: [Int], itemSize: Int) {
        var strides = [Int](repeating: 0, count: shape.count)
        var stride = 1
        for axis in axes.reversed() {
            strides[axis] = stride
            stride *= shape[axis]
        }
        self.shape = shape
        self.strides = strides
        self.itemSize = itemSize
    }

    func copy(_ source: UnsafeRawBufferPointer, to output: UnsafeMutableRawBufferPointer) {
        guard let from = source.baseAddress, let to = output.baseAddress else { return }
        switch itemSize {
        case 1: copy(from, to, UInt8.self)
        case 2: copy(from, to, UInt16.self)
        case 4: copy(from, to, UInt32.self)
        default: copy(from, to, UInt64.self)
        }
    }

    /// Tiles over the last axis and the one that lies closest in the source; all others are counted through.
    private func copy<T: BitwiseCopyable>(_ from: UnsafeRawPointer, _ to: UnsafeMutableRawPointer, _: T.Type) {
        let last = shape.count - 1
        let closest = strides.indices.filter { shape[$0] > 1 }.min { strides[$0] < strides[$1] } ?? last
        var outputStrides = [Int](repeating: 1, count: shape.count)
        for axis in shape.indices.dropLast().reversed() {
            outputStrides[axis] = outputStrides[axis + 1] * shape[axis + 1]
        }
        let others = shape.indices.filter { $0 != last && $0 != closest }
        var counter = [Int](repeating: 0, count: others.count)
        let (rows, rowIn, rowOut) =
            closest == last ? (1, 0, 0) : (shape[closest], strides[closest], outputStrides[closest])
        let (columns, columnIn) = (shape[last], strides[last])
        while true {
            let input = zip(others, counter).reduce(0) { $0 + strides[$1.0] * $1.1 }
            let output = zip(others, counter).reduce(0) { $0 + outputStrides[$1.0] * $1.1 }
            for top in stride(from: 0, to: rows, by: Self.tile) {
                for left in stride(from: 0, to: columns, by: Self.tile) {
                    for row in top..<min(top + Self.tile, rows) {
                        for column in left..<min(left + Self.tile, columns) {
                            let value = from.loadUnaligned(
                                fromByteOffset: (input + row * rowIn + column * columnIn) * MemoryLayout<T>.size,
                                as: T.self)
                            to.storeBytes(
                                of: value, toByteOffset: (output + row * rowOut + column) * MemoryLayout<T>.size,
                                as: T.self)
                        }
                    }
                }
            }
            var digit = others.count - 1
            while digit >= 0 {
                counter[digit] += 1
                if counter[digit] < shape[others[digit]] { break }
                counter[digit] = 0
                digit -= 1
            }
            if digit < 0 { return }
        }
    }
}
