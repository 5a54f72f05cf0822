internal import Weights

/// Flag 2: u32 ndim, u32 × ndim shape, u64 nnz, ndim × (nnz × u32) coordinates, nnz values.
extension FEDWT001Validator {
    mutating func beginSparse(_ index: Int, _ length: UInt64, at start: UInt64) throws(WeightFailure) {
        let ndim = arrays[index].shape.count
        guard ndim > 0 else {
            throw WeightFailure("a 0-dimensional array is never sparse", at: start + 4, array: index)
        }
        guard length >= UInt64(12 + 4 * ndim) else {
            throw WeightFailure("byte length \(length) is too short for a sparse array", at: start + 5, array: index)
        }
        sparseBytes = length
        try expect(.sparseHead(index: index), 4 + 4 * ndim)
    }

    mutating func completeSparseHead(_ index: Int) throws(WeightFailure) {
        let expected = arrays[index].shape
        let claimed = (0..<expected.count).map { UInt64(integer(UInt32.self, at: 4 + 4 * $0)) }
        guard integer(UInt32.self) == UInt32(expected.count), claimed == expected else {
            throw WeightFailure("sparse shape differs from the header's \(expected)", at: fieldOffset, array: index)
        }
        try expect(.sparseCount(index: index), 8)
    }

    mutating func completeSparseCount(_ index: Int) throws(WeightFailure) {
        let spec = arrays[index]
        let nnz = integer(UInt64.self)
        guard nnz <= UInt64(spec.count) else {
            throw WeightFailure(
                "nnz \(nnz) is over the \(spec.count) elements", at: fieldOffset, array: index,
                limit: UInt64(spec.count))
        }
        let ndim = spec.shape.count
        let (body, overflow) = nnz.multipliedReportingOverflow(by: UInt64(4 * ndim + spec.dtype.itemSize))
        guard !overflow, body == sparseBytes - UInt64(12 + 4 * ndim) else {
            throw WeightFailure("byte length \(sparseBytes) does not hold nnz \(nnz)", at: fieldOffset, array: index)
        }
        bodies[index].stored = Int(nnz)
        coordinates.begin(count: Int(nnz))
        coordinatesLeft = Int(nnz) * ndim
        if nnz == 0 { return try nextRecord() }
        try expect(.coordinate(index: index), 4)
    }

    /// Takes whole coordinates, as many as there are.
    mutating func takeCoordinates(
        _ rest: inout Slice<UnsafeRawBufferPointer>, _ index: Int
    ) throws(WeightFailure) {
        let run = UnsafeRawBufferPointer(rebasing: rest.prefix(4 * min(rest.count / 4, coordinatesLeft)))
        rest = rest.dropFirst(run.count)
        offset += UInt64(run.count)
        try take(run, index)
    }

    /// One that came in parts.
    mutating func completeCoordinate(_ index: Int) throws(WeightFailure) {
        let whole = field
        field.removeAll(keepingCapacity: true)
        let result: Result<Void, WeightFailure> = whole.withUnsafeBytes { run in
            Result { () throws(WeightFailure) in try take(run, index) }
        }
        try result.get()
    }

    /// Checks coordinates that end where the stream stands.
    private mutating func take(_ run: UnsafeRawBufferPointer, _ index: Int) throws(WeightFailure) {
        if let outside = coordinates.take(run, shape: arrays[index].shape) {
            let value = UInt32(littleEndian: run.loadUnaligned(fromByteOffset: 4 * outside, as: UInt32.self))
            throw WeightFailure(
                "coordinate \(value) lies outside shape \(arrays[index].shape)",
                at: offset - UInt64(run.count - 4 * outside), array: index)
        }
        coordinatesLeft -= run.count / 4
        guard coordinatesLeft == 0 else { return }
        guard !coordinates.hasDuplicate() else {
            throw WeightFailure("a coordinate comes twice", at: offset, array: index)
        }
        let spec = arrays[index]
        skip = sparseBytes - UInt64(12 + 4 * spec.shape.count)
        skip -= skip / UInt64(4 * spec.shape.count + spec.dtype.itemSize) * UInt64(4 * spec.shape.count)
        try nextRecord()
    }
}
