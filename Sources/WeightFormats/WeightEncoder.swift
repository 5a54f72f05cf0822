/// Streams a weight set out in one format; equal weights give equal bytes.
///
/// Thread: any, one at a time.
public protocol WeightEncoder: Sendable {
    /// Writes the stream.
    ///
    /// - Parameters:
    ///   - source: gives the elements of an array, dense, little-endian, in C order; called once for each index,
    ///     ascending. What it gives has to stay valid until it is called again or this returns.
    ///   - sink: takes the pieces of the stream in order; they are valid only during the call.
    /// - Throws: `WeightFailure` when the format cannot hold the arrays or when `source` gives another number of bytes,
    ///   and what the two functions throw.
    func write(
        _ source: (Int) throws -> UnsafeRawBufferPointer, to sink: (UnsafeRawBufferPointer) throws -> Void) throws
}
