internal import Compression
internal import Testing

@Suite struct StreamTests {
    @Test(arguments: Codec.allCases, [0, 1, 2, 65_535, 65_536, 131_072, 700_001])
    func `what was compressed comes back`(codec: Codec, count: Int) throws {
        let original = sample(count)
        let whole = try compress(original, codec)
        #expect(try expand(whole, codec) == original)
        let cut = try compress(original, codec, piece: 1009, size: UInt64(count))
        #expect(try expand(cut, codec, piece: 997) == original)
        if count > 1000, codec == .gzip || codec == .zstd { #expect(whole.count < count * 3 / 4) }
    }

    @Test(arguments: Codec.compressing)
    func `each level comes back, piece by piece`(codec: Codec) throws {
        let original = sample(3000)
        for level in codec.levels {
            let compressed = try compress(original, codec, level: level, piece: 1)
            #expect(try expand(compressed, codec, piece: 1) == original)
        }
    }

    @Test(arguments: Codec.allCases)
    func `a level that the codec does not have is refused`(codec: Codec) {
        for level in [codec.levels.lowerBound - 1, codec.levels.upperBound + 1] {
            #expect(throws: CompressionFailure.self) { try StreamCompressor(codec, level: level) }
        }
    }

    @Test(arguments: [Codec.zstd, .lz4])
    func `a stream of another length than announced is refused`(codec: Codec) {
        #expect(throws: CompressionFailure.self) { try compress(sample(1000), codec, size: 1001) }
        #expect(throws: CompressionFailure.self) { try compress(sample(1000), codec, size: 999) }
    }

    @Test(arguments: PythonStream.all)
    func `what Python wrote is read`(stream: PythonStream) throws {
        for piece in [1, 7, .max] {
            #expect(try expand(bytes(hex: stream.hex), stream.codec, piece: piece) == PythonStream.content)
        }
    }

    @Test(arguments: Codec.compressing)
    func `several frames in a row are one stream`(codec: Codec) throws {
        let parts = [sample(70_000, seed: 1), [], sample(1, seed: 2), sample(200_000, seed: 3)]
        let compressed = try parts.flatMap { try compress($0, codec) }
        for piece in [1, 4096, .max] { #expect(try expand(compressed, codec, piece: piece) == parts.flatMap { $0 }) }
    }

    @Test(arguments: Codec.allCases)
    func `a sink that throws ends the stream`(codec: Codec) throws {
        struct Stop: Error {}
        let compressed = try compress(sample(1000), codec)
        let decompressor = StreamDecompressor(codec, limits: wide)
        compressed.withUnsafeBytes { all in
            #expect(throws: Stop.self) { try decompressor.write(all) { _ in throw Stop() } }
            #expect(throws: CompressionFailure.self) { try decompressor.write(all) { _ in } }
            #expect(throws: CompressionFailure.self) { try decompressor.finish { _ in } }
        }
    }

    @Test(arguments: Codec.allCases)
    func `nothing comes behind the end`(codec: Codec) throws {
        let compressor = try StreamCompressor(codec)
        try compressor.finish { _ in }
        #expect(throws: CompressionFailure.self) { try compressor.finish { _ in } }
        _ = [UInt8](repeating: 1, count: 3).withUnsafeBytes { all in
            #expect(throws: CompressionFailure.self) { try compressor.write(all) { _ in } }
        }
    }

    @Test func `streams at one time do not mix`() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for seed in 1...24 {
                group.addTask {
                    for codec in Codec.allCases {
                        let original = sample(50_000 + seed, seed: UInt64(seed))
                        let compressed = try compress(original, codec, piece: 5000)
                        #expect(try expand(compressed, codec, piece: 3000) == original)
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}
