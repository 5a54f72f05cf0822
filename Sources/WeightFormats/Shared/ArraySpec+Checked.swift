internal import Weights

extension ArraySpec {
    /// An array of this type and shape, whose size has to fit an `Int`.
    ///
    /// - Parameters:
    ///   - offset: of the shape in the body.
    ///   - array: index of the array.
    static func checked(
        name: String?, dtype: DType, shape: [UInt64], at offset: UInt64, array: Int?
    ) throws(WeightFailure) -> ArraySpec {
        if let spec = ArraySpec(name: name, dtype: dtype, shape: shape) { return spec }
        let most = Int.max
        throw WeightFailure(
            "shape \(shape) of \(dtype.rawValue) overflows: it takes more than \(most) bytes", at: offset, array: array,
            name: name, limit: UInt64(most))
    }
}
