import Compression
import Testing
import Weights
import WireJSON

@testable import WeightFormats

@Suite struct ByteplaneDecoderTests {
    private static let limits = DecodeLimits(decodedBytes: 1 << 26)

    /// Arrays of every dtype, longer than a block, shorter than an element of another, empty and sparse.
    private static func stream() throws -> ([ArraySpec], [UInt8]) {
        var arrays = DType.allCases.enumerated().compactMap { place, dtype in
            ArraySpec(name: dtype.rawValue, dtype: dtype, shape: [UInt64(place * 7)])
        }
        arrays += [ArraySpec(dtype: .float32, shape: [3, 100_000]), ArraySpec(dtype: .float64, shape: [10, 100])]
            .compactMap { $0 }
        let data = arrays.enumerated().map { index, spec in
            let isSparse = index == arrays.count - 1
            return (0..<spec.byteCount).map { isSparse && $0 > 8 ? 0 : UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        }
        var written: [UInt8] = []
        try FEDWT001Writer(arrays: arrays, metadata: ["k": .integer(1)]).write { index in
            UnsafeRawBufferPointer(UnsafeBufferPointer(start: pin(data[index]), count: data[index].count))
        } to: {
            written.append(contentsOf: $0)
        }
        return (arrays, written)
    }

    /// Leaked on purpose: a test's memory that stays where it is.
    private static func pin(_ bytes: [UInt8]) -> UnsafePointer<UInt8> {
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, bytes.count))
        memory.initialize(from: bytes, count: bytes.count)
        return UnsafePointer(memory)
    }

    private final class Gathering: ElementSink {
        var bytes: [UInt8] = []
        func append(_ piece: UnsafeRawBufferPointer) { bytes.append(contentsOf: piece) }
    }

    private func filtered(_ plain: [UInt8]) throws -> [UInt8] {
        let decoder = FEDWT001Decoder(limits: Self.limits)
        let weights = try plain.withUnsafeBytes { bytes in
            try decoder.feed(bytes, to: DroppingSink())
            return try decoder.finish(to: DroppingSink())
        }
        let extents = weights.arrays.compactMap { array -> PlaneExtent? in
            guard case .dense(let bytes, _, _) = array.storage, !bytes.isEmpty,
                let kind = ItemKind(itemSize: array.spec.dtype.itemSize, isFloat: array.spec.dtype.isFloat)
            else { return nil }
            return PlaneExtent(offset: UInt64(bytes.lowerBound), count: UInt64(array.spec.count), kind: kind)
        }
        let filter = try PlaneFilter(extents: extents)
        var out: [UInt8] = []
        try plain.withUnsafeBytes { try filter.write($0) { out.append(contentsOf: $0.bytes) } }
        try filter.finish()
        return out
    }

    @Test(arguments: [1, 4093, 1 << 20])
    func theFilteredStreamIsReadBack(piece: Int) throws {
        let (arrays, plain) = try Self.stream()
        let stream = try filtered(plain)
        #expect(stream.count == plain.count && stream != plain)
        let decoder = try ByteplaneDecoder(limits: Self.limits)
        let sink = Gathering()
        try stream.withUnsafeBytes { bytes in
            for start in stride(from: 0, to: bytes.count, by: piece) {
                let part = UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + piece, bytes.count)])
                try decoder.feed(part, to: sink)
            }
        }
        let weights = try decoder.finish(to: sink)
        #expect(weights.arrays.map(\.spec) == arrays)
        #expect(sink.bytes == plain)
    }

    @Test func aStreamThatIsCutOffIsRefused() throws {
        let stream = try filtered(Self.stream().1)
        for count in [0, 7, 100, stream.count / 2, stream.count - 1] {
            let decoder = try ByteplaneDecoder(limits: Self.limits)
            try stream[..<count].withUnsafeBytes { try decoder.feed($0, to: DroppingSink()) }
            #expect(throws: WeightFailure.self) { try decoder.finish(to: DroppingSink()) }
        }
    }

    @Test func itIsForOneFormatOnly() {
        let npz = WeightFormats.named("npz")
        #expect(throws: WeightFailure.self) { try npz?.decoder(behind: .byteplane, limits: Self.limits) }
    }
}
