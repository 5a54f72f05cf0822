import WeightFormats
import Weights

extension FuzzTarget {
    /// One for each format that is decoded.
    static let weightFormats = WeightFormats.all.filter { $0.decoder != nil }.map { format in
        FuzzTarget(name: format.name) { try WeightStream.check($0, format, $1) }
    }
}

/// Decodes; what is right has to come back from the encoder and decode again to the same.
enum WeightStream {
    static let limit: UInt64 = 1 << 20

    static func check(_ input: UnsafeRawBufferPointer, _ format: WeightFormat, _ piece: Int) throws {
        let whole = try? decoded(input, format, max(1, input.count))
        let cut = try? decoded(input, format, piece)
        try require(whole?.weights.arrays == cut?.weights.arrays, "other arrays when cut")
        try require(whole?.elements == cut?.elements, "other elements when cut")
        guard let cut else { return }
        let size = cut.weights.arrays.reduce(0) { $0 + UInt64($1.spec.byteCount) }
        try require(size <= limit, "\(size) bytes are over the limit")
        // Coordinates may name one element twice, which is seen only here.
        guard let normal = try? cut.normal() else { return }
        let arrays = cut.weights.arrays.map(\.spec)
        var written: [UInt8] = []
        let held = Held()
        do {
            try format.encoder(arrays, cut.weights.metadata).write { index in
                held.replace(with: normal[index])
            } to: {
                written.append(contentsOf: $0)
            }
        } catch { return }
        let again = try written.withUnsafeBytes { bytes in
            do { return try decoded(bytes, format, piece) } catch {
                throw Broken("what was written is refused: \(error)")
            }
        }
        try require(again.weights.arrays.map(\.spec.shape) == arrays.map(\.shape), "other shapes than before")
        try require(again.weights.arrays.map(\.spec.dtype) == arrays.map(\.dtype), "other dtypes than before")
        try require(try again.normal() == normal, "other elements than before")
    }

    struct Decoded {
        let weights: DecodedWeights
        let elements: [UInt8]

        func normal() throws -> [[UInt8]] {
            try elements.withUnsafeBytes { stream in
                let source = NormalArrays(weights, in: stream)
                return try withExtendedLifetime(source) {
                    try weights.arrays.indices.map { Array(try source.elements($0)) }
                }
            }
        }
    }

    private static func decoded(_ input: UnsafeRawBufferPointer, _ format: WeightFormat, _ piece: Int) throws -> Decoded
    {
        guard let decoder = format.decoder?(DecodeLimits(decodedBytes: limit)) else { throw UnknownFormat() }
        return try decoded(input, by: decoder, piece)
    }

    static func decoded(_ input: UnsafeRawBufferPointer, by decoder: any WeightDecoder, _ piece: Int) throws -> Decoded
    {
        let sink = GatheringSink()
        try input.cut(piece) { try decoder.feed($0, to: sink) }
        return Decoded(weights: try decoder.finish(to: sink), elements: sink.bytes)
    }
}

private final class GatheringSink: ElementSink {
    var bytes: [UInt8] = []

    func append(_ piece: UnsafeRawBufferPointer) { bytes.append(contentsOf: piece) }
}

/// Bytes that stay where they are until others take their place.
private final class Held {
    private var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)

    deinit { memory.deallocate() }

    func replace(with bytes: [UInt8]) -> UnsafeRawBufferPointer {
        memory.deallocate()
        memory = .allocate(byteCount: bytes.count, alignment: 16)
        memory.copyBytes(from: bytes)
        return UnsafeRawBufferPointer(memory)
    }
}
