import Testing

@testable import Compression

/// What a stream takes is asked for first.
@Suite struct MemoryTests {
    /// Decompresses byte by byte, granting what is wanted; gives the bytes and what was granted each time.
    private func expand(_ bytes: [UInt8], _ codec: Codec) throws -> (bytes: [UInt8], grants: [Int]) {
        let stream = StreamDecompressor(codec, limits: wide, memory: 0)
        var result: [UInt8] = []
        var grants: [Int] = []
        try pieces(bytes, 1) { piece in
            var rest = piece
            while true {
                while let output = try stream.step(&rest) { result += output }
                guard let wanted = stream.wanted else { break }
                #expect(try stream.step(&rest) == nil, "nothing goes on without it")
                grants.append(wanted)
                stream.grant(wanted)
            }
            #expect(rest.isEmpty)
        }
        try stream.finish { result += $0 }
        return (result, grants)
    }

    @Test(arguments: [Codec.gzip, .zstd, .lz4])
    func `a stream asks once for frames that are alike`(codec: Codec) throws {
        let content = [UInt8](repeating: 7, count: 100_000)
        let frame = try compress(content, codec)
        let found = try expand(frame + frame, codec)
        #expect(found.bytes == content + content)
        #expect(found.grants.count == 1)
    }

    @Test func `a larger window is asked for when it comes`() throws {
        let content = [UInt8](repeating: 7, count: 1000)
        let small = try compress(content, .zstd, size: 1000)
        // Of a stream whose length it does not know level 3 makes a window of 2 MiB.
        let large = try compress(content, .zstd)
        let found = try expand(small + large + small, .zstd)
        #expect(found.bytes == content + content + content)
        try #require(found.grants.count == 2)
        #expect(found.grants[0] < 512 << 10)
        #expect(found.grants[1] > 1 << 20 && found.grants[1] < 4 << 20)
    }

    @Test(arguments: [(0x00, 10), (0x38, 17), (0x88, 27)])
    func `a window is what its descriptor says`(descriptor: UInt8, log: Int) {
        var head = FrameHead()
        for byte: UInt8 in [0x28, 0xb5, 0x2f, 0xfd, 0x00] {
            head.append(byte)
            #expect(head.kind(.zstd) == .partial)
        }
        head.append(descriptor)
        #expect(head.kind(.zstd) == .frame)
        #expect((1 << log..<(1 << log) + (1 << 20)).contains(head.memory(.zstd)))
    }

    @Test func `a small payload takes no context`() {
        for policy in [CompressionPolicy.best, .fixed(.zstd), .fixed(.gzip, level: 9)] {
            #expect(PayloadCompressor.memory(policy, payload: 10_000) == 10_000)
            #expect(PayloadCompressor.memory(policy, payload: 1 << 20) > 512 << 10)
        }
        #expect(PayloadCompressor.memory(.fixed(.none), payload: 1 << 30) == 0)
        // zstd's own figures: some 90 MiB at level 19.
        #expect(PayloadCompressor.memory(.fixed(.zstd, level: 19), payload: 1 << 30) > 64 << 20)
    }
}
