public import Weights

/// Decodes the bare elements of one array whose type and shape are known from elsewhere; the sink gets the body as it is.
///
/// Thread: one at a time.
public final class RawDecoder: WeightDecoder {
    private let spec: ArraySpec
    private let limits: DecodeLimits
    private var received: UInt64 = 0

    /// A decoder at the start of a body.
    ///
    /// - Parameters:
    ///   - spec: what the body is: little-endian, in C order.
    ///   - limits: what a body may claim.
    public init(_ spec: ArraySpec, limits: DecodeLimits) {
        self.spec = spec
        self.limits = limits
    }

    /// Takes the next bytes of the body.
    public func feed(_ piece: UnsafeRawBufferPointer, to sink: any ElementSink) throws {
        try DecodeBudget(limits: limits).admit(UInt64(spec.byteCount), at: 0, array: 0)
        received += UInt64(piece.count)
        guard received <= UInt64(spec.byteCount) else {
            throw WeightFailure(
                "the body has more than the \(spec.byteCount) bytes of shape \(spec.shape) of \(spec.dtype.rawValue)",
                at: UInt64(spec.byteCount), array: 0, limit: UInt64(spec.byteCount))
        }
        try sink.append(piece)
    }

    /// Ends the body.
    public func finish(to sink: any ElementSink) throws -> DecodedWeights {
        guard received == UInt64(spec.byteCount) else {
            throw WeightFailure(
                "the body has \(received) bytes, but shape \(spec.shape) of \(spec.dtype.rawValue) takes \(spec.byteCount)",
                at: received, array: 0)
        }
        return DecodedWeights(
            arrays: [DecodedArray(spec: spec, storage: .dense(bytes: 0..<spec.byteCount, axes: nil, bigEndian: false))],
            metadata: [:])
    }
}

/// Writes the bare elements of one array, little-endian, in C order.
public struct RawEncoder: WeightEncoder {
    private let arrays: [ArraySpec]

    /// An encoder for one array.
    ///
    /// - Parameter arrays: exactly one.
    public init(arrays: [ArraySpec]) { self.arrays = arrays }

    /// Writes the stream.
    public func write(
        _ source: (Int) throws -> UnsafeRawBufferPointer, to sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        guard arrays.count == 1, let spec = arrays.first else {
            throw WeightFailure("raw bytes hold one array, not \(arrays.count)", at: 0)
        }
        let bytes = try source(0)
        try spec.check(bytes.count, index: 0)
        if !bytes.isEmpty { try sink(bytes) }
    }
}
