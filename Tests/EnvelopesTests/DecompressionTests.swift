import Compression
import Envelopes
import EventLog
import Testing
import WireJSON

/// A frame as the sealer writes it; other writers' frames are read by the interoperability tests.
private func zstd(_ bytes: [UInt8]) throws -> [UInt8] {
    let sealed = try seal([bytes], .binary, .zstd)
    return Array(sealed.record.value.suffix(sealed.summary.storedSize))
}

private func read(_ stored: [UInt8], original: Int, reader: MessageReader = MessageReader(limits: limits)) throws
    -> [UInt8]
{
    let made = HandMade(
        payload: stored, header: ["compression": .string("zstd"), "original_size": .integer(Int64(original))])
    return try open(made.json, reader: reader).payload
}

@Suite struct DecompressionTests {
    @Test func framesInARowAreOneStream() throws {
        let skippable: [UInt8] = [0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]
        let stored = try zstd([1, 2]) + skippable + zstd([]) + zstd(bytes(300_000))
        #expect(try read(stored, original: 300_002) == [1, 2] + bytes(300_000))
    }

    @Test func sizesThatLieAreRefused() throws {
        let stored = try zstd(bytes(5000))
        for size in [0, 4999, 5001, 1 << 20] {
            #expect(refusedField { try read(stored, original: size) } == "package.original_size")
        }
        let more = try stored + zstd([1])
        #expect(refusedField { try read(more, original: 5000) } == "package.original_size")
    }

    @Test func brokenStreamsAreRefused() throws {
        let stored = try zstd(bytes(5000))
        #expect(refusedField { try read([], original: 0) } == "payload")
        #expect(refusedField { try read(stored + [0], original: 5000) } == "payload")
        #expect(refusedField { try read(stored + Array("garbage".utf8), original: 5000) } == "payload")
        #expect(refusedField { try read(Array("garbage".utf8), original: 5000) } == "payload")
        for count in [1, 4, 5, 6, 100, stored.count - 1] {
            #expect(refusedField { try read(Array(stored.prefix(count)), original: 5000) } == "payload")
        }
        // An older format's magic, which the library would still read.
        #expect(refusedField { try read([0x27, 0xb5, 0x2f, 0xfd, 0, 0, 0, 0], original: 0) } == "payload")
    }

    @Test func aBombIsRefusedByItsSizeOrByTheLimit() throws {
        let bomb = try zstd([UInt8](repeating: 0, count: 32 << 20))
        #expect(bomb.count < 10_000)
        let reader = MessageReader(limits: .init(maxStored: 1 << 20, maxDecoded: 1 << 20))
        #expect(refusedField { try read(bomb, original: 32 << 20, reader: reader) } == "package.original_size")
        #expect(refusedField { try read(bomb, original: 1 << 20, reader: reader) } == "package.original_size")
    }

    @Test func windowsOver128MiBAreRefused() throws {
        // A frame of one raw block of one byte, with the window's exponent in the descriptor.
        func frame(_ exponent: UInt8) -> [UInt8] { [0x28, 0xb5, 0x2f, 0xfd, 0, exponent << 3, 9, 0, 0, 7] }
        #expect(try read(frame(17), original: 1) == [7])
        let failure = #expect(throws: EnvelopeFailure.self) { try read(frame(18), original: 1) }
        #expect(failure?.reason.contains("window") == true)
    }

    @Test func packagesOverTheLimitAreRefusedInBothEnvelopes() throws {
        let made = HandMade(payload: bytes(3000))
        let count = made.package.whole.count
        let fitting = MessageReader(limits: .init(maxStored: count, maxDecoded: 3000))
        #expect(try open(made.json, reader: fitting).payload.count == 3000)
        let small = MessageReader(limits: .init(maxStored: count - 1, maxDecoded: 3000))
        #expect(refusedField { try open(made.json, reader: small) } == "payload")
        #expect(refusedField { try open(made.package.whole, headers: made.headers(), reader: small) } == "payload")
        let decoded = MessageReader(limits: .init(maxStored: count, maxDecoded: 2999))
        #expect(refusedField { try open(made.json, reader: decoded) } == "package.original_size")
    }
}
