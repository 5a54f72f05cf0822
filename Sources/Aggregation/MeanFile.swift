internal import Files
internal import WeightFormats
internal import Weights

/// The mean of spooled updates in a file, computed array by array, range by range.
///
/// Memory: one range, however large the model is and however many clients there are.
///
/// Thread: one.
final class MeanFile {
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

    private let arrays: [ArraySpec]
    private let sources: [Source]
    private let file: File
    /// Where each array begins, and where the last one ends.
    private var starts = [0]
    /// Bytes of all.
    private let size: Int
    private let progress: (Double) -> Void
    private var mapping = UnsafeRawBufferPointer(start: nil, count: 0)
    private let buffer = UnsafeMutableRawBufferPointer.allocate(
        byteCount: WeightedMean.capacity * 8, alignment: 16)

    /// A file of zeros, as large as the mean.
    ///
    /// - Parameters:
    ///   - round: whose updates are taken in the order counted.
    ///   - file: an empty one.
    ///   - progress: called now and then with the part of the mean that is computed, from 0 to 1.
    init(of round: OpenRound, in file: consuming File, progress: @escaping (Double) -> Void) throws(FileFailure) {
        arrays = round.arrays
        sources = round.contributions.map { Source($0, keepOpen: round.contributions.count <= Self.mostOpen) }
        var size = 0
        for array in round.arrays {
            size += array.byteCount
            starts.append(size)
        }
        try file.resize(to: size)
        self.size = size
        self.file = file
        self.progress = progress
    }

    deinit { buffer.deallocate() }

    /// Calls back with the file mapped, for `compute`.
    func mapped<R>(_ body: () throws -> R) throws -> R {
        try file.withMapping { bytes in
            mapping = bytes
            defer { mapping = UnsafeRawBufferPointer(start: nil, count: 0) }
            return try body()
        }
    }

    /// Computes the mean of an array.
    ///
    /// - Parameter index: from 0, ascending: of the array before nothing stays in memory.
    /// - Returns: its elements, dense, little-endian, in C order, within `mapped`; and whether it is mostly zero, seen while it was
    ///   in the processor's cache.
    func compute(_ index: Int) throws(FileFailure) -> (UnsafeRawBufferPointer, mostlyZero: Bool?) {
        if index > 0 { File.release(elements(index - 1)) }
        let array = arrays[index]
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
            try file.write(UnsafeRawBufferPointer(range), at: starts[index] + offset)
            progress(Double(starts[index] + offset + count) / Double(size))
        }
        return (elements(index), zeros.isTrue)
    }

    /// Lets go of memory in which elements were read, if these bytes are such.
    func release(_ bytes: UnsafeRawBufferPointer) { File.release(bytes, in: mapping) }

    private func elements(_ index: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: mapping[starts[index]..<starts[index + 1]])
    }
}
