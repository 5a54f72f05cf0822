public import Weights
public import WireJSON

/// The data of one array as a stream holds it; not aligned, since records stand at any offset.
public enum ArrayContents {
    /// All elements, C order, little-endian.
    case dense(UnsafeRawBufferPointer)
    /// The elements that are not zero.
    case sparse(SparseContents)
}

/// The elements of an array that are not zero (flag 2: COO, one dimension's coordinates after the other).
public struct SparseContents {
    /// How many elements.
    public let count: Int
    /// Their values, in the order of their coordinates.
    public let values: UnsafeRawBufferPointer
    private let coordinates: UnsafeRawBufferPointer
    private let shape: [Int]

    init(_ data: UnsafeRawBufferPointer, _ spec: ArraySpec) {
        shape = spec.shape.map { Int($0) }
        count = data.count / (4 * shape.count + spec.dtype.itemSize)
        coordinates = UnsafeRawBufferPointer(rebasing: data[..<(4 * count * shape.count)])
        values = UnsafeRawBufferPointer(rebasing: data[(4 * count * shape.count)...])
    }

    /// Which element of the dense array, in C order.
    ///
    /// - Parameter index: below `count`.
    public func linearIndex(_ index: Int) -> Int {
        var linear = 0
        for (dimension, length) in shape.enumerated() {
            let offset = 4 * (dimension * count + index)
            linear =
                linear * length
                + Int(UInt32(littleEndian: coordinates.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
        }
        return linear
    }
}

/// A complete FEDWT001 stream in memory, validated, its arrays found in place.
///
/// It borrows the bytes: they have to stay as long as the view is used.
public struct FEDWT001View {
    /// The arrays in the order of their indices.
    public let arrays: [ArraySpec]
    /// The metadata object, `layer_names` included.
    public let metadata: [String: JSONValue]
    private let bytes: UnsafeRawBufferPointer
    private let extents: [FEDWT001Validator.Extent]

    /// Validates a stream.
    ///
    /// - Parameters:
    ///   - bytes: the whole stream and nothing behind it.
    ///   - limits: what it may claim.
    public init(_ bytes: UnsafeRawBufferPointer, limits: FEDWT001Validator.Limits) throws(WeightFailure) {
        var validator = FEDWT001Validator(limits: limits)
        try validator.feed(bytes)
        try validator.finish()
        self.bytes = bytes
        arrays = validator.arrays
        metadata = validator.metadata
        extents = validator.extents
    }

    /// The data of one array.
    ///
    /// - Parameter index: of the array.
    public func contents(of index: Int) -> ArrayContents {
        let extent = extents[index]
        let data = UnsafeRawBufferPointer(rebasing: bytes[Int(extent.range.lowerBound)..<Int(extent.range.upperBound)])
        return extent.isSparse ? .sparse(SparseContents(data, arrays[index])) : .dense(data)
    }
}
