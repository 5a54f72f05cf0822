internal import Compression
internal import Testing

@Suite struct LimitTests {
    @Test(arguments: Codec.allCases)
    func `bytes up to the limit pass, one more does not`(codec: Codec) throws {
        for count in [1000, 300_000] {
            let compressed = try compress(sample(count), codec)
            let exact = ExpansionLimits(maxBytes: UInt64(count))
            #expect(try expand(compressed, codec, limits: exact).count == count)
            let short = ExpansionLimits(maxBytes: UInt64(count - 1))
            let found = try #require(try refusal(compressed, StreamDecompressor(codec, limits: short)))
            #expect(found.failure.limit == UInt64(count - 1))
            #expect(found.given < count)
        }
    }

    @Test(arguments: [Codec.gzip, .zstd])
    func `a bomb stops soon`(codec: Codec) throws {
        let bomb = try compress(Array(repeating: 0, count: 64 << 20), codec, level: 9)
        for piece in [1, 100, .max] {
            let decompressor = StreamDecompressor(codec, limits: ExpansionLimits(maxBytes: 1 << 40))
            let found = try #require(try refusal(bomb, decompressor, piece: piece))
            #expect(found.failure.reason.contains("times"))
            // gzip's own ratio is hardly over the limit: it is seen when the grace has passed and the head is paid for.
            #expect(found.given <= 2 << 20)
        }
        let tight = ExpansionLimits(maxBytes: 100_000)
        let found = try #require(try refusal(bomb, StreamDecompressor(codec, limits: tight)))
        #expect(found.given <= 100_000)
        #expect(found.failure.limit == 100_000)
    }

    @Test func `the ratio is counted from the stream's start, beyond the grace`() throws {
        let compressed = try compress(Array(repeating: 0, count: 3 << 20), .lz4)
        let limits = { ExpansionLimits(maxBytes: 1 << 40, maxRatio: $0, grace: $1) }
        #expect(try expand(compressed, .lz4, limits: limits(1000, 0)).count == 3 << 20)
        #expect(try expand(compressed, .lz4, limits: limits(100, 3 << 20)).count == 3 << 20)
        let found = try #require(try refusal(compressed, StreamDecompressor(.lz4, limits: limits(100, 1 << 20))))
        #expect(found.given <= 1 << 20)
    }

    @Test(arguments: [Codec.zstd, .lz4])
    func `skippable frames are bounded altogether`(codec: Codec) throws {
        let frame = try compress(sample(100), codec)
        let limits = ExpansionLimits(maxBytes: 1000, maxSkipped: 64)
        for piece in [1, .max] {
            let fitting = skippable(20) + frame + skippable(0) + skippable(20)
            #expect(try expand(fitting, codec, piece: piece, limits: limits) == sample(100))
            let found = try refusal(fitting + skippable(1), StreamDecompressor(codec, limits: limits), piece: piece)
            #expect(found?.failure.limit == 64)
            // One that announces 4 GiB is refused by its head.
            let huge = skippable(0, announced: .max)
            #expect(try refusal(huge, StreamDecompressor(codec, limits: limits), piece: piece)?.failure.offset == 8)
        }
    }

    @Test func `gzip has no skippable frames`() throws {
        let stream = try compress(sample(100), .gzip) + skippable(3)
        #expect(try refusal(stream, StreamDecompressor(.gzip, limits: wide)) != nil)
    }
}
