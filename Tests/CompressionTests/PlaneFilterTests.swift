internal import Compression
internal import Testing

@Suite struct PlaneFilterTests {
    /// Made by hand from the bits: 1.0 is 0x3f800000, turned left 0x7f000000; −2.0 is 0xc0000000, turned 0x80000001.
    static let byHand: [(ItemKind, [UInt8], [UInt8])] = [
        (.floats32, [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0], [0x7f, 0x80, 0, 0, 0, 0, 0, 1]),
        (.floats16, [0x80, 0x3f, 0xc0, 0xbf], [0x7f, 0x7f, 0x00, 0x81]),
        (.floats64, [0, 0, 0, 0, 0, 0, 0xf0, 0xbf], [0x7f, 0xe0, 0, 0, 0, 0, 0, 1]),
        (.integers16, [0x02, 0x01, 0x04, 0x03], [0x01, 0x03, 0x02, 0x04]),
        (.integers32, [1, 2, 3, 4, 5, 6, 7, 8], [4, 8, 3, 7, 2, 6, 1, 5]),
        (
            .integers64, [1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 14, 15, 16, 17, 18],
            [8, 18, 7, 17, 6, 16, 5, 15, 4, 14, 3, 13, 2, 12, 1, 11]
        ),
        (.bytes, [3, 1, 2], [3, 1, 2]),
    ]

    @Test(arguments: byHand)
    func `elements by hand`(kind: ItemKind, plain: [UInt8], filtered: [UInt8]) throws {
        let extents = [PlaneExtent(offset: 0, count: UInt64(plain.count / kind.itemSize), kind: kind)]
        #expect(try filter(plain, extents) == filtered)
        #expect(try unfilter(filtered, extents) == plain)
    }

    @Test(
        arguments: ItemKind.allCases,
        [1, 2, 15, 16, 17, 31, 1023, 1024, 1025, 4099, 262_143, 262_144, 262_145, 600_001])
    func `any count of elements`(kind: ItemKind, count: Int) throws {
        let (head, tail) = (noise(11, seed: 2), noise(5, seed: 3))
        let elements = noise(count * kind.itemSize)
        let extents = [PlaneExtent(offset: 11, count: UInt64(count), kind: kind)]
        let filtered = try filter(head + elements + tail, extents)
        #expect(filtered == head + planes(of: elements, kind) + tail)
        #expect(try unfilter(filtered, extents) == head + elements + tail)
    }

    /// Several arrays, one right behind another, one empty, one of single bytes.
    private func mixture() -> (plain: [UInt8], filtered: [UInt8], extents: [PlaneExtent]) {
        var (plain, filtered, extents): ([UInt8], [UInt8], [PlaneExtent]) = (noise(3), noise(3), [])
        let counts = [1000, 3, 0, 77, 262_150, 5, 1, 2000]
        for (index, count) in counts.enumerated() {
            let kind = ItemKind.allCases[index % ItemKind.allCases.count]
            let elements = noise(count * kind.itemSize, seed: UInt64(index))
            extents.append(PlaneExtent(offset: UInt64(plain.count), count: UInt64(count), kind: kind))
            let gap = noise(index % 3 * 13, seed: 99)
            plain += elements + gap
            filtered += planes(of: elements, kind) + gap
        }
        return (plain, filtered, extents)
    }

    @Test(arguments: [1, 7, 4096, 1_048_573, .max])
    func `arrays among other bytes, in pieces`(piece: Int) throws {
        let (plain, filtered, extents) = mixture()
        #expect(try filter(plain, extents, piece: piece) == filtered)
        #expect(try unfilter(filtered, extents, piece: piece) == plain)
    }

    @Test(arguments: [1, 1000, .max])
    func `arrays that are told as they come`(piece: Int) throws {
        let (plain, filtered, extents) = mixture()
        let (there, back) = (try PlaneFilter(), try PlaneUnfilter())
        var (thereBytes, backBytes): ([UInt8], [UInt8]) = ([], [])
        let write = { (range: Range<Int>) in
            try pieces(Array(plain[range]), piece) { try there.write($0) { thereBytes += $0.bytes } }
            try pieces(Array(filtered[range]), piece) { try back.write($0) { backBytes += $0 } }
        }
        for extent in extents {
            let (start, size) = (Int(extent.offset), Int(extent.count) * extent.kind.itemSize)
            try write(Int(there.taken)..<start)
            try there.begin(extent.count, of: extent.kind)
            try back.begin(extent.count, of: extent.kind)
            try write(start..<start + size)
        }
        try write(Int(there.taken)..<plain.count)
        try there.finish()
        try back.finish()
        #expect(thereBytes == filtered)
        #expect(backBytes == plain)
    }

    @Test func `extents that cannot be are refused`() {
        let wrong: [[PlaneExtent]] = [
            [PlaneExtent(offset: 0, count: .max, kind: .floats32)],
            [PlaneExtent(offset: .max, count: 1, kind: .floats16)],
            [PlaneExtent(offset: 8, count: 1, kind: .floats16), PlaneExtent(offset: 0, count: 1, kind: .floats16)],
            [PlaneExtent(offset: 0, count: 3, kind: .floats64), PlaneExtent(offset: 23, count: 1, kind: .bytes)],
        ]
        for extents in wrong {
            #expect(throws: CompressionFailure.self) { try PlaneFilter(extents: extents) }
            #expect(throws: CompressionFailure.self) { try PlaneUnfilter(extents: extents) }
        }
    }

    @Test func `a stream that ends within an array or before one is refused`() throws {
        let extents = [PlaneExtent(offset: 5, count: 9, kind: .floats32)]
        let whole = noise(41)
        for count in 0..<41 {
            #expect(throws: CompressionFailure.self) { try filter(Array(whole[..<count]), extents) }
            #expect(throws: CompressionFailure.self) { try unfilter(Array(whole[..<count]), extents) }
        }
        #expect(try filter(whole, extents).count == 41)
    }

    @Test func `a lying count takes no memory, and an array cannot begin in another`() throws {
        let (there, back) = (try PlaneFilter(), try PlaneUnfilter())
        try there.begin(1 << 60, of: .floats32)
        try back.begin(1 << 60, of: .floats32)
        #expect(throws: CompressionFailure.self) { try there.begin(1, of: .floats32) }
        #expect(throws: CompressionFailure.self) { try back.begin(1, of: .floats32) }
        try noise(1000).withUnsafeBytes { bytes in
            try there.write(bytes) { _ in Issue.record("a block that is not whole") }
            try back.write(bytes) { _ in Issue.record("a block that is not whole") }
        }
        #expect(throws: CompressionFailure.self) { try there.finish() }
        #expect(throws: CompressionFailure.self) { try back.finish() }
        let full = try PlaneFilter()
        #expect(throws: CompressionFailure.self) { try full.begin(.max, of: .floats32) }
    }

    @Test func `a sink that throws ends the stream`() throws {
        struct Stop: Error {}
        let (there, back) = (try PlaneFilter(), try PlaneUnfilter())
        noise(8).withUnsafeBytes { bytes in
            #expect(throws: Stop.self) { try there.write(bytes) { _ in throw Stop() } }
            #expect(throws: Stop.self) { try back.write(bytes) { _ in throw Stop() } }
            #expect(throws: CompressionFailure.self) { try there.write(bytes) { _ in } }
            #expect(throws: CompressionFailure.self) { try back.write(bytes) { _ in } }
        }
    }
}
