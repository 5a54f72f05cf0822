internal import Files
internal import Weights

/// Gives the arrays of decoded weights as encoders take them: dense, little-endian, in C order.
///
/// Memory: one array, when it does not lie so in the stream already. Thread: one at a time.
public final class NormalArrays {
    private let arrays: [DecodedArray]
    private let stream: UnsafeRawBufferPointer
    private var scratch = MappedMemory()

    /// The arrays of a stream.
    ///
    /// - Parameters:
    ///   - weights: what a decoder made of it.
    ///   - stream: all that its sink got, in memory or mapped; it has to stay valid.
    public init(_ weights: DecodedWeights, in stream: UnsafeRawBufferPointer) {
        arrays = weights.arrays
        self.stream = stream
    }

    /// The elements of an array; valid until the next call.
    ///
    /// - Parameter index: of the array.
    /// - Throws: `WeightFailure` when a coordinate of a sparse array is wrong, `FileFailure` when there is no memory.
    public func elements(_ index: Int) throws -> UnsafeRawBufferPointer {
        if case .dense(let bytes, nil, false) = arrays[index].storage {
            return UnsafeRawBufferPointer(rebasing: stream[bytes])
        }
        let dense = try scratch.zeroed(arrays[index].spec.byteCount)
        do throws(WeightFailure) { try arrays[index].normalise(stream, into: dense) } catch {
            throw WeightFailure(error.reason, at: error.offset, array: index, name: arrays[index].spec.name)
        }
        return UnsafeRawBufferPointer(dense)
    }

    /// Lets go of the memory of elements that are done with, where they are a mapped file's.
    ///
    /// - Parameter piece: any bytes; nothing happens to those that are not of the stream.
    public func release(_ piece: UnsafeRawBufferPointer) { File.release(piece, in: stream) }
}

/// Writes the elements that a decoder gives to a file.
///
/// Thread: one at a time.
public final class FileSink: ElementSink {
    private let file: File
    /// Bytes so far.
    public private(set) var size = 0

    /// A sink for a new file.
    ///
    /// - Parameter path: of the file; what was there is gone.
    public init(_ path: String) throws { file = try File(creating: path) }

    /// Takes the next bytes.
    public func append(_ bytes: UnsafeRawBufferPointer) throws {
        try file.write(bytes, at: size)
        size += bytes.count
    }
}
