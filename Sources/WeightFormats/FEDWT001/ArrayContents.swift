internal import Weights

/// Where the elements of one array lie in a stream that is wholly in memory.
///
/// Nothing in a FEDWT001 stream is aligned: read with `loadUnaligned` or copy.
public enum ArrayContents {
    /// All elements, little-endian, in C order.
    case dense(UnsafeRawBufferPointer)
    /// The elements that are not zero.
    case sparse(SparseContents)
}

/// The elements of a sparse array that are stored; all others have no bit set.
public struct SparseContents {
    /// How many elements are stored.
    public let count: Int
    /// Their values, little-endian, in the order of the stream.
    public let values: UnsafeRawBufferPointer
    private let coordinates: UnsafeRawBufferPointer
    private let shape: [UInt64]

    /// The body of a flag 2 record that the validator has accepted.
    init(body: UnsafeRawBufferPointer, spec: ArraySpec) {
        let ndim = spec.shape.count
        let head = 12 + 4 * ndim
        count = Int(UInt64(littleEndian: body.loadUnaligned(fromByteOffset: 4 + 4 * ndim, as: UInt64.self)))
        let split = head + 4 * ndim * count
        coordinates = UnsafeRawBufferPointer(rebasing: body[head..<split])
        values = UnsafeRawBufferPointer(rebasing: body[split...])
        shape = spec.shape
    }

    /// The place of a stored element in the dense array, counted in elements in C order.
    ///
    /// - Parameter position: which of the stored elements, below `count`.
    public func linearIndex(_ position: Int) -> Int {
        precondition(position >= 0 && position < count, "there is no such stored element")
        var index = 0
        for dimension in shape.indices {
            let place = 4 * (dimension * count + position)
            let coordinate = UInt32(littleEndian: coordinates.loadUnaligned(fromByteOffset: place, as: UInt32.self))
            index = index * Int(shape[dimension]) + Int(coordinate)
        }
        return index
    }
}
