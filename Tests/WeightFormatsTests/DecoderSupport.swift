import FoundationEssentials
import Testing
import WeightFormats
import Weights
import WireJSON

/// Keeps all elements, to look at them.
final class KeepingSink: ElementSink {
    private(set) var bytes: [UInt8] = []

    func append(_ piece: UnsafeRawBufferPointer) { bytes += piece }
}

/// What a decoder made of a body, with the elements of each array: dense, little-endian, in C order.
struct Decoded: Equatable {
    struct Element: Equatable {
        var spec: ArraySpec
        var bytes: [UInt8]
    }

    var arrays: [Element]
    var metadata: [String: JSONValue]
}

/// Feeds a body in pieces of at most `pieces` bytes.
///
/// Each piece lies in memory of its own, so that reading behind its end is found by a sanitizer.
func decodeBody(_ decoder: any WeightDecoder, _ body: [UInt8], pieces: Int = .max) throws -> Decoded {
    let sink = KeepingSink()
    var rest = body[...]
    let weights: DecodedWeights
    do {
        while !rest.isEmpty {
            let piece = Array(rest.prefix(pieces))
            try piece.withUnsafeBytes { try decoder.feed($0, to: sink) }
            rest = rest.dropFirst(piece.count)
        }
        weights = try decoder.finish(to: sink)
    } catch { throw decoder.named(error) }
    let arrays = try weights.arrays.map { array in
        guard case .dense(let range, nil, let bigEndian) = array.storage else {
            throw WeightFailure("a test expects dense arrays in C order", at: 0)
        }
        let bytes = Array(sink.bytes[range])
        let size = array.spec.dtype.itemSize
        let swapped = stride(from: 0, to: bytes.count, by: size).flatMap { bytes[$0..<$0 + size].reversed() }
        return Decoded.Element(spec: array.spec, bytes: bigEndian ? swapped : bytes)
    }
    return Decoded(arrays: arrays, metadata: weights.metadata)
}

/// Writes a weight set, and checks how the encoder asks for it.
func encodeBody(_ encoder: some WeightEncoder, _ arrays: [Decoded.Element]) throws -> [UInt8] {
    var written: [UInt8] = []
    var asked: [Int] = []
    let held = arrays.map { array in
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: array.bytes.count, alignment: 1)
        copy.copyBytes(from: array.bytes)
        return UnsafeRawBufferPointer(copy)
    }
    defer { for copy in held { copy.deallocate() } }
    try encoder.write(
        { index in
            asked.append(index)
            return held[index]
        },
        to: { piece in
            #expect(!piece.isEmpty)
            written += piece
        })
    #expect(asked == Array(arrays.indices))
    return written
}

/// Every shorter body is refused, at an offset within it, in one piece and byte by byte.
func expectTruncationsRefused(_ body: [UInt8], _ decoder: () -> any WeightDecoder) {
    for count in body.indices {
        for pieces in [Int.max, 1] {
            let failure = #expect(throws: WeightFailure.self, "\(count) bytes") {
                try decodeBody(decoder(), Array(body.prefix(count)), pieces: pieces)
            }
            #expect(failure.map { $0.offset <= UInt64(count) } == true)
        }
    }
}

/// No byte that is changed makes a decoder crash, whatever it says.
func expectNoCrash(_ body: [UInt8], _ decoder: () -> any WeightDecoder) {
    for place in body.indices {
        for value: UInt8 in [0, 1, 0x7f, 0x80, 0xff, body[place] ^ 0x20] {
            var spoilt = body
            spoilt[place] = value
            let whole = Result { try decodeBody(decoder(), spoilt) }
            let bytes = Result { try decodeBody(decoder(), spoilt, pieces: 1) }
            switch (whole, bytes) {
            case (.success(let whole), .success(let bytes)): #expect(whole == bytes)
            case (.failure(let whole), .failure(let bytes)):
                #expect(whole as? WeightFailure == bytes as? WeightFailure, "byte \(place) is \(value)")
            default: Issue.record("pieces matter when byte \(place) is \(value)")
            }
        }
    }
}

func fixtureBytes(base64: String) throws -> [UInt8] { Array(try #require(Data(base64Encoded: base64))) }

func littleEndian<T: FixedWidthInteger>(_ value: T) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }

func namedArray(_ dtype: DType, _ shape: [UInt64], _ name: String? = nil, _ bytes: [UInt8]) throws -> Decoded.Element {
    Decoded.Element(spec: try #require(ArraySpec(name: name, dtype: dtype, shape: shape)), bytes: bytes)
}

/// The arrays of the fixtures, as NumPy and ml_dtypes made them: `arange(6).reshape(2, 3) + i` of every type in the
/// order of `DType.allCases` (bool: `% 2`), every other one named, then a scalar 2.5 and an empty array.
func fixtureArrays() throws -> [Decoded.Element] {
    let order: [DType] = [
        .float16, .float32, .float64, .bfloat16, .float8e4m3fn, .float8e5m2, .int8, .int16, .int32, .int64,
        .uint8, .uint16, .uint32, .uint64, .bool,
    ]
    let arrays = try order.enumerated().map { place, dtype in
        let numbers = (0..<6).map { dtype == .bool ? $0 % 2 : $0 + place }
        return try namedArray(
            dtype, [2, 3], place % 2 == 0 ? "layer.\(place)" : nil, numbers.flatMap { elementBytes($0, dtype) })
    }
    return arrays + [
        try namedArray(.float64, [], "scalar", littleEndian(2.5.bitPattern)),
        try namedArray(.int16, [0, 300], nil, []),
    ]
}

private func elementBytes(_ number: Int, _ dtype: DType) -> [UInt8] {
    switch dtype {
    case .float16: littleEndian(Float16(number).bitPattern)
    case .float32: littleEndian(Float(number).bitPattern)
    case .float64: littleEndian(Double(number).bitPattern)
    case .bfloat16: littleEndian(BFloat16(Float(number)).bits)
    case .float8e4m3fn: [Float8Format.e4m3fn.encode(Float(number))]
    case .float8e5m2: [Float8Format.e5m2.encode(Float(number))]
    default: Array(littleEndian(number).prefix(dtype.itemSize))
    }
}
