internal import Weights

extension ArraySpec {
    /// Refuses elements of another length than the array has.
    func check(given bytes: UnsafeRawBufferPointer, index: Int) throws(WeightFailure) {
        guard bytes.count == byteCount else {
            throw WeightFailure("\(bytes.count) bytes were given of \(byteCount)", at: 0, array: index)
        }
    }
}

extension [ArraySpec] {
    /// Refuses what no format holds: no arrays at all, more dimensions than anyone reads.
    func checkForWriting() throws(WeightFailure) {
        guard !isEmpty else { throw WeightFailure("there is no array to write", at: 0) }
        for (index, spec) in enumerated() where spec.shape.count > ArrayDraft.maximumDimensions {
            let limit = ArrayDraft.maximumDimensions
            throw WeightFailure(
                "shape \(spec.shape) has more than \(limit) dimensions", at: 0, array: index, limit: UInt64(limit))
        }
    }
}
