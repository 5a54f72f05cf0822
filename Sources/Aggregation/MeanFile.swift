internal import Files
internal import WeightFormats
internal import Weights

/// Computes the mean of spooled updates into a file, range by range.
///
/// Memory: one range, however large the model is and however many clients there are.
enum MeanFile {
    /// Files that are kept open together; with more updates each is opened again for each range.
    private static let mostOpen = 256

    /// An update's bytes for as long as the mean takes.
    private struct Source {
        let contribution: Contribution
        private let reader: FileExtentReader?

        init(_ contribution: Contribution, keepOpen: Bool) {
            self.contribution = contribution
            reader = keepOpen ? FileExtentReader(contribution.bytes) : nil
        }

        func read(into range: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileFailure) {
            try (reader ?? FileExtentReader(contribution.bytes)).read(into: range, at: offset)
        }
    }

    /// - Parameters:
    ///   - arrays: of the round.
    ///   - contributions: in the order counted.
    ///   - output: receives the arrays, dense, one after another.
    ///   - progress: called now and then with the bytes of the mean that are done.
    /// - Returns: which arrays are mostly zero, seen while they are in the cache.
    static func compute(
        _ arrays: [ArraySpec], _ contributions: [Contribution],
        into output: borrowing File, progress: (Int) -> Void
    ) throws(FileFailure) -> [Bool] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: WeightedMean.capacity * 8, alignment: 16)
        defer { buffer.deallocate() }
        let sources = contributions.map { Source($0, keepOpen: contributions.count <= mostOpen) }
        var mostlyZero: [Bool] = []
        var start = 0
        for (index, array) in arrays.enumerated() {
            let mean = WeightedMean(array.dtype)
            var zeros = MostlyZero(array)
            let step = WeightedMean.capacity * array.dtype.itemSize
            for offset in stride(from: 0, to: array.byteCount, by: step) {
                let count = min(step, array.byteCount - offset)
                let range = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
                mean.reset()
                for source in sources {
                    try source.read(into: range, at: source.contribution.offsets[index] + offset)
                    mean.add(UnsafeRawBufferPointer(range), samples: source.contribution.samples)
                }
                mean.finish(into: range)
                zeros.look(at: UnsafeRawBufferPointer(range))
                try output.write(UnsafeRawBufferPointer(range), at: start + offset)
                progress(start + offset + count)
            }
            start += array.byteCount
            mostlyZero.append(zeros.isTrue)
        }
        return mostlyZero
    }
}
