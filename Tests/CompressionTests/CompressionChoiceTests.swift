internal import Compression
internal import Testing

@Suite struct CompressionChoiceTests {
    private func best(
        _ content: CompressionChoice.Content, _ samples: [[UInt8]], _ kind: ItemKind,
        _ codecs: Set<Codec> = [.zstd], _ filters: Set<StreamFilter> = [.none, .byteplane]
    ) throws -> CompressionChoice {
        let memory = samples.map { UnsafeMutableRawBufferPointer.allocate(byteCount: $0.count, alignment: 1) }
        defer { memory.forEach { $0.deallocate() } }
        for (target, source) in zip(memory, samples) { target.copyBytes(from: source) }
        return try .best(
            for: content, samples: memory.map { .init(UnsafeRawBufferPointer($0), kind: kind) }, codecs: codecs,
            filters: filters)
    }

    @Test func `weights are filtered`() throws {
        let blocks = (1...3).map { bell(65_536, seed: $0) }
        let choice = try best(.arrays, blocks, .floats32)
        #expect(choice.filter == .byteplane)
        #expect(choice.codec == .zstd)
        #expect((1.17...1.3).contains(choice.estimatedRatio))
        let all = blocks.flatMap { $0 }
        let packed = try compress(all, [PlaneExtent(offset: 0, count: UInt64(all.count / 4), kind: .floats32)])
        #expect(abs(Double(all.count) / Double(packed.count) - choice.estimatedRatio) < 0.02)
    }

    @Test func `a reader that does not know the filter gets none`() throws {
        let choice = try best(.arrays, [bell(65_536)], .floats32, [.zstd], [.none])
        #expect(choice.filter == .none)
        #expect(choice.codec == .zstd)
    }

    @Test(arguments: ItemKind.allCases)
    func `noise is not compressed`(kind: ItemKind) throws {
        #expect(try best(.arrays, [noise(100_000), noise(8, seed: 4)], kind, Set(Codec.allCases)) == .none)
        #expect(try best(.bytes, [noise(100_000)], .bytes, Set(Codec.allCases)) == .none)
    }

    @Test func `without samples or codecs the choice is none`() throws {
        #expect(try best(.arrays, [], .floats32) == .none)
        #expect(try best(.arrays, [[], []], .floats32) == .none)
        #expect(try best(.text, [sample(5000)], .bytes, []) == .none)
        #expect(try best(.text, [sample(5000)], .bytes, [.none]) == .none)
    }

    @Test func `text is compressed without the filter`() throws {
        let text = (0..<2000).flatMap { Array("{\"round\": \($0), \"client\": \"client-\($0 * 7 % 31)\"}".utf8) }
        let choice = try best(.text, [text], .bytes, [.zstd, .gzip, .lz4])
        #expect(choice.filter == .none)
        #expect(choice.estimatedRatio > 4)
    }

    @Test(arguments: Codec.compressing)
    func `each codec alone is chosen for what shrinks`(codec: Codec) throws {
        let zeros = [UInt8](repeating: 0, count: 100_000)
        let choice = try best(.arrays, [zeros], .floats32, [codec])
        #expect(choice.codec == codec)
        #expect(choice.level == codec.defaultLevel)
        #expect(choice.estimatedRatio > 50)
    }
}
