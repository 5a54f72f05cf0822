internal import Compression
internal import Files
internal import WeightFormats

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
    static func decode(
        _ bytes: UnsafeRawBufferPointer, _ format: WeightFormat, behind filter: StreamFilter = .none,
        to sink: any ElementSink
    ) throws -> DecodedWeights {
        guard let decoder = try format.decoder(behind: filter, limits: limits) else {
            throw StartFailure(description: "raw bytes do not say what they are; they cannot be read here")
        }
        for start in stride(from: 0, to: bytes.count, by: step) {
            let piece = UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + step, bytes.count)])
            try decoder.feed(piece, to: sink)
            if !format.keepsBody { File.release(piece) }
        }
        return try decoder.finish(to: sink)
    }

    /// Writes a file's weights in another format.
    ///
    /// - Parameters:
    ///   - input: the file, mapped.
    ///   - format: of the input.
    ///   - target: the format of the output.
    ///   - path: of the output, which appears when it is complete.
    ///   - sparse: how binary_custom holds arrays that are mostly zero.
    static func convert(
        _ input: UnsafeRawBufferPointer, _ format: WeightFormat, to target: WeightFormat, _ path: String,
        sparse: SparseEncoding? = nil
    ) throws {
        let temporary = path + ".tmp"
        defer { File.remove(temporary) }
        if format.keepsBody {
            try encode(try decode(input, format, to: DroppingSink()), in: input, target, temporary, sparse)
        } else {
            let elements = path + ".elements.tmp"
            defer { File.remove(elements) }
            let decoded = try decode(input, format, to: try FileSink(elements))
            try File(reading: elements).withMapping { try encode(decoded, in: $0, target, temporary, sparse) }
        }
        try File.move(temporary, to: path)
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
        try encoder.write(arrays.elements) { bytes in
            for start in stride(from: 0, to: bytes.count, by: step) {
                let piece = UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + step, bytes.count)])
                try file.write(piece, at: size)
                size += piece.count
                arrays.release(piece)
            }
        }
    }
}
