import Compression
import Weights
import WeightFormats

// One libFuzzer target a parser; the name of the program says which: fuzz-npz, fuzz-safetensors, fuzz-gzip, …

/// Called by libFuzzer with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 0 else { return 0 }
    let input = UnsafeRawBufferPointer(start: start, count: count)
    // The first byte cuts the rest into pieces.
    let piece = Int(input[0]) == 0 ? count : Int(input[0])
    Target.chosen(UnsafeRawBufferPointer(rebasing: input[1...]), piece)
    return 0
}

enum Target {
    static let limit: UInt64 = 1 << 20
    static let chosen = choose(CommandLine.arguments.first ?? "")

    static func choose(_ program: String) -> @Sendable (UnsafeRawBufferPointer, Int) -> Void {
        let name = String(program.split(separator: "/").last?.dropFirst("fuzz-".count) ?? "")
        if let codec = Codec(rawValue: name), codec != .none { return { decompress($0, codec, $1) } }
        guard let format = WeightFormats.named(name), format.decoder != nil else {
            fatalError("fuzz-\(name): there is no such parser")
        }
        return { decode($0, format, $1) }
    }

    /// Decodes; what is right has to come back from the encoder and decode again to the same.
    static func decode(_ input: UnsafeRawBufferPointer, _ format: WeightFormat, _ piece: Int) {
        guard let (weights, elements) = try? decoded(input, format, piece) else { return }
        let arrays = weights.arrays.map(\.spec)
        let normal = elements.withUnsafeBytes { stream in
            let source = NormalArrays(weights, in: stream)
            return try? arrays.indices.map { Array(try source.elements($0)) }
        }
        // Coordinates may name one element twice, which is seen only here.
        guard let normal else { return }
        var written: [UInt8] = []
        do {
            try format.encoder(arrays, weights.metadata).write { index in
                pinned.replace(with: normal[index])
            } to: {
                written.append(contentsOf: $0)
            }
        } catch { return }
        let again = written.withUnsafeBytes { bytes in
            do { return try decoded(bytes, format, piece) } catch { fatalError("what was written is refused: \(error)") }
        }
        precondition(again.0.arrays.map(\.spec.shape) == arrays.map(\.shape), "other shapes than before")
        precondition(again.0.arrays.map(\.spec.dtype) == arrays.map(\.dtype), "other dtypes than before")
        let back = again.1.withUnsafeBytes { stream in
            let source = NormalArrays(again.0, in: stream)
            return try? arrays.indices.map { Array(try source.elements($0)) }
        }
        precondition(back == normal, "other elements than before")
    }

    /// Bytes that stay where they are until others take their place.
    private static let pinned = Pinned()

    private static func decoded(
        _ input: UnsafeRawBufferPointer, _ format: WeightFormat, _ piece: Int
    ) throws -> (DecodedWeights, [UInt8]) {
        guard let decoder = format.decoder?(DecodeLimits(decodedBytes: limit)) else { throw UnknownFormat() }
        let sink = Gathering()
        for start in stride(from: 0, to: input.count, by: piece) {
            try decoder.feed(UnsafeRawBufferPointer(rebasing: input[start..<min(start + piece, input.count)]), to: sink)
        }
        let weights = try decoder.finish(to: sink)
        precondition(weights.arrays.reduce(0) { $0 + UInt64($1.spec.byteCount) } <= limit, "over the limit")
        return (weights, sink.bytes)
    }

    static func decompress(_ input: UnsafeRawBufferPointer, _ codec: Codec, _ piece: Int) {
        var given: UInt64 = 0
        guard let stream = try? StreamDecompressor(codec, limits: ExpansionLimits(maxBytes: limit)) else { return }
        do {
            for start in stride(from: 0, to: input.count, by: piece) {
                let part = UnsafeRawBufferPointer(rebasing: input[start..<min(start + piece, input.count)])
                try stream.write(part) { given += UInt64($0.count) }
            }
            try stream.finish { _ in }
        } catch {}
        precondition(given <= limit, "over the limit")
    }
}

private final class Gathering: ElementSink {
    var bytes: [UInt8] = []

    func append(_ piece: UnsafeRawBufferPointer) { bytes.append(contentsOf: piece) }
}

private final class Pinned: @unchecked Sendable {
    private var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)

    func replace(with bytes: [UInt8]) -> UnsafeRawBufferPointer {
        memory.deallocate()
        memory = .allocate(byteCount: bytes.count, alignment: 16)
        memory.copyBytes(from: bytes)
        return UnsafeRawBufferPointer(memory)
    }
}
