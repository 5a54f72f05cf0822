internal import Testing

@testable internal import Compression

@Suite struct PlaneCompressorTests {
    @Test(arguments: ItemKind.allCases, [0, 1, 100, 4095, 4096, 70_000, 262_145])
    func `what was compressed comes back`(kind: ItemKind, count: Int) throws {
        let size = kind.itemSize
        let (noisy, flat) = (noise(count * size), [UInt8](repeating: 7, count: count * size))
        let regular = sample(count * size)
        let plain = noise(9) + noisy + flat + regular + noise(50_000)
        let extents = (0..<3).map {
            PlaneExtent(offset: UInt64(9 + $0 * count * size), count: UInt64(count), kind: kind)
        }
        for codec in [Codec.none, .gzip, .lz4, .zstd] {
            let packed = try compress(plain, extents, codec)
            #expect(try unfilter(expand(packed, codec), extents) == plain)
        }
        let cut = try compress(plain, extents, piece: 1009)
        #expect(try unfilter(expand(cut, .zstd, piece: 997), extents) == plain)
    }

    @Test func `an empty stream is one frame`() throws {
        let packed = try compress([], [])
        #expect(packed == bytes(hex: "28b52ffda000000000010000"))
        #expect(try expand(packed, .zstd).isEmpty)
    }

    @Test func `noise is stored in raw blocks`() throws {
        let plain = noise(262_144 * 2)
        let extents = [PlaneExtent(offset: 0, count: 262_144, kind: .integers16)]
        let packed = try compress(plain, extents)
        // Two frames: 9 bytes of head each, and 3 for each of two blocks of 128 KiB.
        #expect(packed.count == plain.count + 2 * (9 + 2 * 3))
        #expect(Array(packed[..<12]) == bytes(hex: "28b52ffda000000400000010"))
        #expect(Array(packed[(12 + 131_072)...].prefix(3)) == bytes(hex: "010010"))
    }

    @Test func `weights become smaller than without the filter`() throws {
        let plain = bell(300_000)
        let extents = [PlaneExtent(offset: 0, count: 300_000, kind: .floats32)]
        let (planes, whole) = (try compress(plain, extents), try compress(plain, .zstd))
        #expect(planes.count < plain.count * 86 / 100)
        #expect(planes.count < whole.count * 95 / 100)
    }

    @Test func `repeats that a histogram does not show are found`() throws {
        // Each byte as often as any other, but the same thousand over and over.
        let row = noise(1000)
        let plain: [UInt8] = (0..<262_000).flatMap { [row[$0 % 1000], row[$0 % 1000]] }
        let extents = [PlaneExtent(offset: 0, count: UInt64(plain.count / 2), kind: .integers16)]
        #expect(try compress(plain, extents).count < plain.count / 20)
    }

    @Test func `many small arrays do not grow`() throws {
        let plain = (0..<2000).flatMap { bell(100, seed: UInt64($0)) + [UInt8](repeating: 0, count: 4) }
        let extents = (0..<2000).map { PlaneExtent(offset: UInt64($0 * 404), count: 100, kind: .floats32) }
        let packed = try compress(plain, extents)
        #expect(packed.count < plain.count * 95 / 100)
        #expect(try unfilter(expand(packed, .zstd), extents) == plain)
    }

    @Test func `a level that zstd does not have is refused`() {
        for level in [0, 20] { #expect(throws: CompressionFailure.self) { try PlaneCompressor(level: level) } }
    }

    @Test func `nothing comes behind the end, or after a sink that threw`() throws {
        struct Stop: Error {}
        let (ended, broken) = (try PlaneCompressor(), try PlaneCompressor())
        try ended.finish { _ in }
        noise(5000).withUnsafeBytes { plane in
            let piece = PlanePiece.plane(plane, index: 0, kind: .floats32)
            #expect(throws: CompressionFailure.self) { try ended.write(piece) { _ in } }
            #expect(throws: CompressionFailure.self) { try ended.finish { _ in } }
            #expect(throws: Stop.self) { try broken.write(piece) { _ in throw Stop() } }
            #expect(throws: CompressionFailure.self) { try broken.finish { _ in } }
        }
    }

    @Test func `entropy by a sample`() {
        for (bits, most) in [(8.0, 255), (4.0, 15), (1.0, 1), (0.0, 0)] {
            var random = Random(state: 5)
            for count in [40_000, 262_144] {
                let plane = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) & UInt8(most) }
                let seen = plane.withUnsafeBytes { ByteStatistics($0).bitsPerByte }
                #expect(abs(seen - bits) < 0.02)
            }
        }
    }
}
