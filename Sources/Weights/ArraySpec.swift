/// What is known of an array without its elements.
public struct ArraySpec: Sendable, Hashable {
    /// The layer's name, where the format carried one.
    public var name: String?
    /// The element type.
    public var dtype: DType
    /// The length of each dimension, outermost first; empty for a scalar.
    public var shape: [UInt64]
    /// The product of the shape.
    public var count: Int
    /// The bytes of all elements when stored densely.
    public var byteCount: Int

    /// An array of this type and shape, or nil when its size in bytes does not fit an `Int`.
    ///
    /// - Parameters:
    ///   - name: the layer's name.
    ///   - dtype: the element type.
    ///   - shape: the length of each dimension.
    public init?(name: String? = nil, dtype: DType, shape: [UInt64]) {
        let empty = shape.contains(0)
        var count = empty ? 0 : 1
        for length in shape where !empty {
            guard let length = Int(exactly: length) else { return nil }
            let (product, overflow) = count.multipliedReportingOverflow(by: length)
            guard !overflow else { return nil }
            count = product
        }
        let (bytes, overflow) = count.multipliedReportingOverflow(by: dtype.itemSize)
        guard !overflow else { return nil }
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.count = count
        byteCount = bytes
    }
}
