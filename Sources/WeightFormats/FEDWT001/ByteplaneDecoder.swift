public import Compression
internal import Weights

/// FEDWT001 behind the filter `byteplane` (protocol.md, section 3); the sink gets the plain stream.
///
/// The heads stand at the same places in both streams, so that those of the filtered one tell where its planes begin.
///
/// Thread: one at a time.
public final class ByteplaneDecoder: WeightDecoder {
    private var heads: FEDWT001Validator
    private let unfilter: PlaneUnfilter
    private let plain: FEDWT001Decoder

    /// A decoder at the start of a filtered stream.
    ///
    /// - Parameter limits: what a stream may claim.
    /// - Throws: `WeightFailure` when memory is short.
    public init(limits: DecodeLimits) throws {
        heads = FEDWT001Validator(limits: limits)
        plain = FEDWT001Decoder(limits: limits)
        do throws(CompressionFailure) { unfilter = try PlaneUnfilter() } catch {
            throw WeightFailure(error.reason, at: error.offset)
        }
    }

    /// Takes the next bytes of the filtered stream.
    public func feed(_ piece: UnsafeRawBufferPointer, to sink: any ElementSink) throws {
        var rest = piece[...]
        while !rest.isEmpty {
            let start = rest.startIndex
            let begun = try heads.take(&rest)
            let taken = UnsafeRawBufferPointer(rebasing: piece[start..<rest.startIndex])
            do {
                try unfilter.write(taken) { try plain.feed($0, to: sink) }
                if let begun { try begin(heads.arrays[begun]) }
            } catch let failure as CompressionFailure {
                throw WeightFailure(failure.reason, at: failure.offset)
            }
        }
    }

    /// Of the metadata's `layer_names`.
    public func name(ofArray index: Int) -> String? { heads.name(ofArray: index) }

    /// Ends the stream.
    public func finish(to sink: any ElementSink) throws -> DecodedWeights {
        try heads.finish()
        return try plain.finish(to: sink)
    }

    private func begin(_ spec: ArraySpec) throws(CompressionFailure) {
        guard let kind = ItemKind(itemSize: spec.dtype.itemSize, isFloat: spec.dtype.isFloat) else { return }
        try unfilter.begin(UInt64(spec.count), of: kind)
    }
}

extension DType {
    /// Whether its elements have an exponent.
    var isFloat: Bool {
        switch self {
        case .float16, .float32, .float64, .bfloat16, .float8e4m3fn, .float8e5m2: true
        case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .bool: false
        }
    }
}

extension WeightFormat {
    /// A decoder for a payload that was filtered before it was compressed.
    ///
    /// - Parameters:
    ///   - filter: of the package.
    ///   - limits: what a payload may claim.
    /// - Returns: nil for raw bytes, which no package holds.
    /// - Throws: `WeightFailure` when the filter is not one for this format.
    public func decoder(behind filter: StreamFilter, limits: DecodeLimits) throws -> (any WeightDecoder)? {
        guard filter == .byteplane else { return decoder?(limits) }
        guard name == WeightFormats.standard.name else {
            throw WeightFailure("filter byteplane is for \(WeightFormats.standard.name), not for \(name)", at: 0)
        }
        return try ByteplaneDecoder(limits: limits)
    }
}
