public import Compression
internal import Weights

/// FEDWT001 as a `WeightDecoder`: the sink gets the body as it is, so that places in both are the same.
///
/// Thread: one at a time.
public final class FEDWT001Decoder: WeightDecoder {
    private var validator: FEDWT001Validator
    private var extents: [PlaneExtent] = []

    /// A decoder at the start of a body.
    ///
    /// - Parameter limits: what a body may claim.
    public init(limits: DecodeLimits) { validator = FEDWT001Validator(limits: limits) }

    /// Takes the next bytes of the body.
    public func feed(_ piece: UnsafeRawBufferPointer, to sink: any ElementSink) throws {
        var rest = piece[...]
        while !rest.isEmpty {
            if let begun = try validator.take(&rest) { note(begun) }
        }
        try sink.append(piece)
    }

    /// Of the metadata's `layer_names`.
    public func name(ofArray index: Int) -> String? { validator.name(ofArray: index) }

    /// Where the dense arrays lie that were met since this was asked last, for a filter.
    public func takeExtents() -> [PlaneExtent] {
        defer { extents.removeAll(keepingCapacity: true) }
        return extents
    }

    private func note(_ index: Int) {
        let spec = validator.arrays[index]
        guard let kind = ItemKind(itemSize: spec.dtype.itemSize, isFloat: spec.dtype.isFloat) else { return }
        extents.append(PlaneExtent(offset: validator.bodies[index].start, count: UInt64(spec.count), kind: kind))
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
            return .dense(bytes: start..<start + spec.byteCount, axes: nil, bigEndian: body.isBigEndian)
        }
        let ndim = spec.shape.count
        let first = start + 12 + 4 * ndim
        let length = 4 * body.stored
        let values = first + ndim * length
        return .sparse(
            count: body.stored, coordinates: (0..<ndim).map { first + $0 * length..<first + ($0 + 1) * length },
            coordinateSize: 4, values: values..<values + body.stored * spec.dtype.itemSize, bigEndian: body.isBigEndian)
    }
}
