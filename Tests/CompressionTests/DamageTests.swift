internal import Compression
internal import Testing

@Suite struct DamageTests {
    /// Two frames, with all that checks itself.
    private static func stream(_ codec: Codec) throws -> [UInt8] {
        switch codec {
        case .zstd, .lz4: bytes(hex: PythonStream.all.last { $0.codec == codec }?.hex ?? "")
        default: try compress(sample(300), codec) + compress(sample(200), codec)
        }
    }

    @Test(arguments: Codec.compressing)
    func `a stream cut anywhere but behind a frame is refused`(codec: Codec) throws {
        let whole = try Self.stream(codec)
        var ends = 0
        for count in 0..<whole.count {
            for piece in [1, .max] {
                let decompressor = StreamDecompressor(codec, limits: wide)
                let found = try refusal(Array(whole[..<count]), decompressor, piece: piece)
                if found == nil { ends += 1 }
                #expect(found.map { $0.failure.offset == UInt64(count) } ?? true)
            }
        }
        // Behind the first member of two, or the first four of five frames.
        #expect(ends == (codec == .gzip ? 2 : 8))
    }

    @Test(arguments: Codec.compressing)
    func `garbage behind a frame is refused, with its place`(codec: Codec) throws {
        let whole = try Self.stream(codec)
        for garbage: [UInt8] in [[0], [0xff], [0x1f], [0x1f, 0x8b, 0x09], [0x28, 0xb5, 0], [0x04, 0x22, 0x4d, 0x19]] {
            for piece in [1, .max] {
                let decompressor = StreamDecompressor(codec, limits: wide)
                let found = try #require(try refusal(whole + garbage, decompressor, piece: piece))
                // One that begins like a head is cut off, as long as nothing else comes.
                #expect(found.failure.reason.contains("garbage") || garbage.count == 1)
                #expect(found.failure.offset == UInt64(whole.count) || garbage.count == 1)
            }
        }
    }

    @Test(arguments: Codec.compressing)
    func `what is no such stream is refused at byte 0`(codec: Codec) throws {
        for wrong in ["PK", "FEDWT001", "\u{2}!L\u{18}"] {
            let decompressor = StreamDecompressor(codec, limits: wide)
            let found = try #require(try refusal(Array(wrong.utf8), decompressor))
            #expect(found.failure.offset == 0)
            #expect(found.failure.reason.contains("does not begin"))
            #expect(found.given == 0)
        }
    }

    /// One bit turned must not pass unseen where the format has a checksum, and never crash.
    @Test(arguments: PythonStream.all)
    func `a bit turned does not crash, nor pass where there is a checksum`(stream: PythonStream) throws {
        let whole = bytes(hex: stream.hex)
        for bit in 0..<whole.count * 8 {
            var turned = whole
            turned[bit / 8] ^= 1 << (bit % 8)
            let read = try? expand(turned, stream.codec, limits: ExpansionLimits(maxBytes: 1 << 20))
            guard stream.name.contains("checksum") || stream.name == "two members" else { continue }
            // A turned flag may switch the checksum off, and gzip's time and system bytes say nothing.
            #expect(read == nil || read == PythonStream.content || bit / 8 < 10)
        }
    }

    @Test func `a zstd window over 128 MiB is refused`() throws {
        // Magic, no flags, window descriptor, one empty last raw block.
        for (descriptor, isFine) in [(UInt8(17 << 3), true), (17 << 3 | 1, false), (18 << 3, false), (0xff, false)] {
            let frame: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd, 0, descriptor, 1, 0, 0]
            let found = try refusal(frame, StreamDecompressor(.zstd, limits: wide))
            #expect((found == nil) == isFine)
            if let found {
                #expect(found.failure.reason.contains("134217728") && found.failure.limit == 134_217_728)
            }
        }
    }

    @Test func `a zstd frame for a dictionary is refused`() throws {
        // One segment of 3 bytes, dictionary 7, a raw block.
        let frame: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd, 0x21, 7, 3, 25, 0, 0, 1, 2, 3]
        #expect(try refusal(frame, StreamDecompressor(.zstd, limits: wide)) != nil)
    }
}
