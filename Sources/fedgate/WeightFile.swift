internal import Bytes
internal import Compression
internal import Envelopes
internal import Files
internal import WeightFormats
internal import Weights

/// Weight files as the commands take them.
enum WeightFile {
    private static let limits = DecodeLimits(decodedBytes: 1 << 50)
    private static let step = 1 << 20

    /// The format that the first bytes tell, or else the ending of the name.
    static func format(of bytes: UnsafeRawBufferPointer, _ path: String) throws -> WeightFormat {
        if let format = WeightFormats.ofBody(Array(bytes.prefix(WeightFormats.magicSize))) { return format }
        if let format = WeightFormats.all.first(where: { path.hasSuffix($0.suffix) }), format.decoder != nil {
            return format
        }
        throw StartFailure(
            description:
                "neither the first bytes of \(path) nor its ending say a format; known are \(WeightFormats.names)")
    }

    /// The format that the ending of a name says.
    static func format(ofName path: String) throws -> WeightFormat {
        if let format = WeightFormats.all.first(where: { path.hasSuffix($0.suffix) }) { return format }
        let endings = WeightFormats.all.map(\.suffix).joined(separator: ", ")
        throw StartFailure(
            description: "the ending of \(path) says no format; say --to, or end it with one of \(endings)")
    }

    /// Decodes a file that is mapped, piece by piece.
    ///
    /// - Parameter raw: what bare elements are.
    static func decode(
        _ bytes: UnsafeRawBufferPointer, _ format: WeightFormat, raw: ArraySpec? = nil,
        behind filter: StreamFilter = .none, to sink: any ElementSink
    ) throws -> DecodedWeights {
        let known = raw.map { RawDecoder($0, limits: limits) }
        guard let decoder = try known ?? format.decoder(behind: filter, limits: limits) else {
            throw StartFailure(
                description: "raw bytes do not say what they are; fedgate convert reads them with --dtype and --shape")
        }
        do {
            try bytes.forEachPiece(of: step) { piece in
                try decoder.feed(piece, to: sink)
                if !format.keepsBody { File.release(piece) }
            }
            return try decoder.finish(to: sink)
        } catch { throw decoder.named(error) }
    }

    /// Writes a file's weights in another format.
    ///
    /// - Parameters:
    ///   - input: the file, mapped, or a package's payload.
    ///   - format: of the input.
    ///   - raw: what bare elements are.
    ///   - filter: that a payload is behind; nil for a file.
    ///   - target: the format of the output.
    ///   - path: of the output, which appears when it is complete.
    ///   - sparse: how binary_custom holds arrays that are mostly zero.
    static func convert(
        _ input: UnsafeRawBufferPointer, _ format: WeightFormat, raw: ArraySpec? = nil,
        behind filter: StreamFilter? = nil, to target: WeightFormat, _ path: String, sparse: SparseEncoding? = nil
    ) throws {
        let temporary = path + ".tmp"
        defer { File.remove(temporary) }
        // A payload is perhaps no part of a file: what is let go of in memory does not come back.
        if format.keepsBody, filter == nil {
            try encode(try decode(input, format, raw: raw, to: DroppingSink()), in: input, target, temporary, sparse)
        } else {
            let elements = path + ".elements.tmp"
            defer { File.remove(elements) }
            let decoded = try decode(input, format, behind: filter ?? .none, to: try FileSink(elements))
            try File(reading: elements).withMapping { try encode(decoded, in: $0, target, temporary, sparse) }
        }
        try File.move(temporary, to: path)
    }

    /// Writes the weights that a package holds in another format.
    static func convert(
        package bytes: UnsafeRawBufferPointer, to target: WeightFormat, _ path: String, sparse: SparseEncoding? = nil
    ) throws {
        try MessageReader(limits: Inspection.limits).readPackage(bytes) { header, payload in
            guard let format = WeightFormats.named(header.format), header.dataType != .metadata else {
                throw StartFailure(
                    description: "the package holds \(header.dataType.rawValue) as \(header.format), and no weights")
            }
            try convert(payload, format, behind: header.filter, to: target, path, sparse: sparse)
        }
    }

    private static func encode(
        _ weights: DecodedWeights, in stream: UnsafeRawBufferPointer, _ format: WeightFormat, _ path: String,
        _ sparse: SparseEncoding?
    ) throws {
        let arrays = NormalArrays(weights, in: stream)
        let file = try File(creating: path)
        var size = 0
        let specs = weights.arrays.map(\.spec)
        var encoder = format.encoder(specs, weights.metadata)
        if let sparse, format.name == WeightFormats.standard.name {
            encoder = FEDWT001Writer(arrays: specs, metadata: weights.metadata, sparse: sparse)
        }
        do {
            try encoder.write(arrays.elements) { bytes in
                try bytes.forEachPiece(of: step) { piece in
                    try file.write(piece, at: size)
                    size += piece.count
                    arrays.release(piece)
                }
            }
        } catch { throw weights.named(error) }
    }
}
