internal import Weights

/// FEDWT001 as a `WeightDecoder`: the sink gets the body as it is, so that places in both are the same.
///
/// Thread: one at a time.
public final class FEDWT001Decoder: WeightDecoder {
    private var validator: FEDWT001Validator

    /// A decoder at the start of a body.
    ///
    /// - Parameter limits: what a body may claim.
    public init(limits: DecodeLimits) { validator = FEDWT001Validator(limits: limits) }

    /// Takes the next bytes of the body.
    public func feed(_ piece: UnsafeRawBufferPointer, to sink: any ElementSink) throws {
        try validator.feed(piece)
        try sink.append(piece)
    }

    /// Ends the body.
    public func finish(to sink: any ElementSink) throws -> DecodedWeights {
        try validator.finish()
        var metadata = validator.metadata
        metadata["layer_names"] = nil
        let arrays = zip(validator.arrays, validator.bodies).map { spec, body in
            DecodedArray(spec: spec, storage: Self.storage(spec, body))
        }
        return DecodedWeights(arrays: arrays, metadata: metadata)
    }

    private static func storage(_ spec: ArraySpec, _ body: FEDWT001Validator.Body) -> DecodedArray.Storage {
        let start = Int(body.start)
        if let pickled = body.pickled { return pickled }
        guard body.isSparse else {
            return .dense(bytes: start..<start + spec.byteCount, axes: nil, bigEndian: false)
        }
        let ndim = spec.shape.count
        let first = start + 12 + 4 * ndim
        let length = 4 * body.stored
        let values = first + ndim * length
        return .sparse(
            count: body.stored, coordinates: (0..<ndim).map { first + $0 * length..<first + ($0 + 1) * length },
            coordinateSize: 4, values: values..<values + body.stored * spec.dtype.itemSize, bigEndian: false)
    }
}
