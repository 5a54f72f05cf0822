internal import Files
internal import Weights

/// Computes the mean of spooled updates into a file of the same form, range by range.
///
/// Memory: one range, however large the model is and however many clients there are.
enum MeanFile {
    /// - Parameters:
    ///   - arrays: of the round.
    ///   - contributions: in the order counted.
    ///   - output: receives the arrays, dense, one after another.
    static func compute(
        _ arrays: [ArraySpec], _ contributions: [Contribution], in spool: ContributionSpool,
        into output: borrowing File
    ) throws(FileFailure) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: WeightedMean.capacity * 8, alignment: 16)
        defer { buffer.deallocate() }
        var start = 0
        for array in arrays {
            let mean = WeightedMean(array.dtype)
            let step = WeightedMean.capacity * array.dtype.itemSize
            for offset in stride(from: 0, to: array.byteCount, by: step) {
                let count = min(step, array.byteCount - offset)
                let range = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
                mean.reset()
                for contribution in contributions {
                    let file = try spool.open(contribution.file)
                    try file.read(into: range, at: start + offset)
                    mean.add(UnsafeRawBufferPointer(range), samples: contribution.samples)
                }
                mean.finish(into: range)
                try output.write(UnsafeRawBufferPointer(range), at: start + offset)
            }
            start += array.byteCount
        }
    }
}
