import Bytes
import Compression
import Envelopes
import EventLog
import Files
import Foundation
import Testing
import WireJSON

/// A payload as chunk records and the commit record behind them.
private struct Chunked {
    static let size = 64 << 10
    var chunks: [Record] = []
    var commit: SealedRecord

    init(
        _ payload: [UInt8], _ envelope: EnvelopeKind = .binary, _ compression: Codec = .none,
        step: Int = 50_001, inOneRecordUpTo begun: Int = 0, id: String = MessageID.make()
    ) throws {
        let space = pool
        var chunks: [Record] = []
        let pieces = stride(from: 0, to: payload.count, by: step).map {
            Array(payload[$0..<min($0 + step, payload.count)])
        }
        let key = Array("client".utf8)
        var sealer: ChunkSealer
        var rest = pieces[...]
        if begun > 0 {
            let capacity = RecordSealer.capacity(
                forPayload: payload.count, envelope: envelope, compression: .fixed(compression))
            var first = RecordSealer(
                slab: try slab(capacity), envelope: envelope, compression: .fixed(compression))
            for piece in pieces.prefix(begun) { try piece.withUnsafeBytes { try first.write($0) } }
            rest = pieces.dropFirst(begun)
            sealer = try ChunkSealer(continuing: first, messageID: id, key: key, chunkSize: Self.size) {
                chunks.append($0)
            }
        } else {
            sealer = ChunkSealer(messageID: id, key: key, chunkSize: Self.size, compression: .fixed(compression))
        }
        for piece in rest {
            while sealer.slabsMissing(for: piece.count) > 0 { sealer.give(try slab(Self.size)) }
            try piece.withUnsafeBytes { try sealer.write($0) { chunks.append($0) } }
        }
        while sealer.slabsMissing(for: 0) > 0 { sealer.give(try slab(Self.size)) }
        let whole = try sealer.finish { chunks.append($0) }
        let capacity = RecordSealer.capacity(forPayload: 0, envelope: envelope, compression: .fixed(compression))
        let end = RecordSealer(
            slab: try #require(space.acquire(capacity)), envelope: envelope, compression: .fixed(compression))
        commit = try end.commit(
            whole, format: "binary_custom", dataType: .modelWeights, modelVersion: nil, extraHeaders: []
        ) { _ in
            var made = message()
            made.messageID = id
            return made
        }
        self.chunks = chunks
    }
}

/// A spool in a directory of its own.
private final class Place {
    let path = NSTemporaryDirectory() + "fedgate-chunks-" + UUID().uuidString
    let spool: ChunkSpool
    let reader = MessageReader(limits: limits)
    private var offset: Int64 = 0
    /// Stands for the log's file; about every other chunk lies in it.
    private let log: String?

    init(_ limits: ChunkSpool.Limits = .init(), besideLog: Bool = false) throws {
        spool = try ChunkSpool(path, limits: limits, copies: !besideLog)
        log = besideLog ? path + "-log" : nil
        if let log { #expect(FileManager.default.createFile(atPath: log, contents: nil)) }
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
        if let log { try? FileManager.default.removeItem(atPath: log) }
    }

    var files: Int { (try? FileManager.default.contentsOfDirectory(atPath: path).count) ?? -1 }

    /// Reads a record as from a log; the payload when it is a commit record.
    func read(_ record: Record, partition: Int32 = 0) throws -> [UInt8]? {
        offset += 1
        let position = Position(topic: "t", partition: partition, offset: offset)
        let stored = StoredRecord(
            position: position, timestamp: 0, key: nil, headers: record.headers, value: record.value,
            extent: try extent(of: record))
        if try spool.take(stored) { return nil }
        return try reader.read(stored) { opened in
            #expect(opened.payload.isEmpty)
            let payload = try spool.assemble(opened, at: position)
            var bytes: [UInt8] = []
            try payload.read { bytes += $0 }
            return bytes
        }
    }

    private func extent(of record: Record) throws -> FileExtent? {
        guard let log, offset / 4 % 2 == 0 else { return nil }
        let file = try File(appending: log)
        let start = try file.size
        try file.write(record.value, at: start)
        return FileExtent(path: log, start: start, count: record.range.count)
    }

    func read(_ whole: Chunked) throws -> [UInt8]? {
        for chunk in whole.chunks { #expect(try read(chunk) == nil) }
        return try read(whole.commit.record)
    }
}

@Suite struct ChunkTests {
    @Test(arguments: EnvelopeKind.allCases.flatMap { kind in Codec.allCases.map { (kind, $0) } })
    func payloadsOfManyChunksRoundTrip(envelope: EnvelopeKind, compression: Codec) throws {
        let place = try Place()
        for count in [1, Chunked.size - 1, Chunked.size, Chunked.size + 1, 1_000_003] {
            let payload = bytes(count)
            let whole = try Chunked(payload, envelope, compression)
            #expect(try place.read(whole) == payload)
            let stored = whole.chunks.reduce(0) { $0 + $1.range.count }
            #expect(whole.commit.summary.storedSize == stored && whole.commit.summary.originalSize == count)
            #expect(whole.commit.summary.bodyDigest == sha256(payload))
            #expect(whole.commit.summary.checksum == sha256(whole.chunks.flatMap { Array($0.value) }))
            #expect(whole.chunks.allSatisfy { $0.range.count <= Chunked.size })
        }
        #expect(place.files == 0 && place.spool.bytes == 0)
    }

    @Test func chunksThatLieInTheLogsFilesAreNotCopied() throws {
        let place = try Place(besideLog: true)
        let (payload, other) = (bytes(500_000), bytes(300_001))
        let (a, b) = (try Chunked(payload), try Chunked(other, .binary, .zstd))
        for index in 0..<max(a.chunks.count, b.chunks.count) {
            for whole in [a, b] where index < whole.chunks.count {
                #expect(try place.read(whole.chunks[index]) == nil)
                // The same once more is no other chunk.
                #expect(try place.read(whole.chunks[index]) == nil)
            }
        }
        let copied = try FileManager.default.contentsOfDirectory(atPath: place.path)
            .reduce(0) {
                $0 + (try FileManager.default.attributesOfItem(atPath: place.path + "/" + $1)[.size] as? Int ?? 0)
            }
        #expect(copied > 0 && copied < place.spool.bytes)
        #expect(try place.read(a.commit.record) == payload)
        #expect(try place.read(b.commit.record) == other)
        #expect(place.files == 0 && place.spool.bytes == 0)
    }

    @Test(arguments: EnvelopeKind.allCases.flatMap { kind in Codec.allCases.map { (kind, $0) } })
    func aRecordThatGrewTooLargeGoesOnInChunks(envelope: EnvelopeKind, compression: Codec) throws {
        let place = try Place()
        let payload = bytes(400_000)
        for begun in 1...8 {
            let whole = try Chunked(payload, envelope, compression, inOneRecordUpTo: begun)
            #expect(try place.read(whole) == payload)
        }
    }

    @Test func headersAreTheProtocols() throws {
        let whole = try Chunked(bytes(Chunked.size + 5), id: "an id")
        let expected = (0...1).map { index in
            [
                RecordHeader("fed-message-id", Array("an id".utf8)),
                RecordHeader("fed-chunk-index", Array("\(index)".utf8)),
            ]
        }
        #expect(whole.chunks.map(\.headers) == expected)
        #expect(whole.chunks.map(\.key) == Array(repeating: Array("client".utf8), count: 2))
        let opened = try open(whole.commit)
        #expect(opened.package.chunks == ChunkList(count: 2, size: Chunked.size + 5))
        #expect(opened.package.compressedSize == Chunked.size + 5)
    }

    @Test func messagesMayBeInterleavedAndChunksRepeated() throws {
        let place = try Place()
        let payloads = [bytes(300_000), Array(bytes(200_000).reversed())]
        let (a, b) = (try Chunked(payloads[0]), try Chunked(payloads[1]))
        for (index, chunk) in a.chunks.enumerated() {
            #expect(try place.read(chunk) == nil)
            if index < b.chunks.count { #expect(try place.read(b.chunks[index]) == nil) }
            #expect(try place.read(a.chunks[index / 2]) == nil)
        }
        #expect(place.spool.count == 2 && place.spool.needed == [0: 1])
        #expect(try place.read(b.commit.record) == payloads[1])
        #expect(try place.read(a.commit.record) == payloads[0])
        #expect(place.spool.needed.isEmpty)
    }

    @Test func whatIsNotWholeIsRefused() throws {
        let whole = try Chunked(bytes(300_000))
        func refusal(_ chunks: [Record], partition: Int32 = 0) throws -> String? {
            let place = try Place()
            for chunk in chunks { _ = try place.read(chunk, partition: partition) }
            return refusedField { try place.read(whole.commit.record) }
        }
        #expect(try refusal([]) == "package.chunks")
        #expect(try refusal(whole.chunks.dropLast()) == "package.chunks")
        #expect(try refusal(Array(whole.chunks.dropFirst())) == "package.chunks")
        #expect(try refusal([whole.chunks[0]] + whole.chunks.dropFirst(2)) == "package.chunks")
        #expect(try refusal(whole.chunks, partition: 1) == "package.chunks")
        var other = whole.chunks[1]
        other.range = 1..<other.range.upperBound
        other.headers = whole.chunks[0].headers
        #expect(try refusal([whole.chunks[0], other] + whole.chunks.dropFirst()) == "package.chunks")
        let changed = whole.chunks
        changed[0].slab.bytes[7] ^= 1
        #expect(try refusal(changed) == "package.checksum")
    }

    @Test func headersThatAreWrongAreRefused() throws {
        let place = try Place()
        var chunk = try Chunked(bytes(10)).chunks[0]
        let id = chunk.headers[0]
        for (headers, field) in [
            ([id], "fed-chunk-index"), ([id, RecordHeader("fed-chunk-index", Array("-1".utf8))], "fed-chunk-index"),
            ([id, RecordHeader("fed-chunk-index", Array("12345678901".utf8))], "fed-chunk-index"),
            ([RecordHeader("fed-message-id", [0xff]), chunk.headers[1]], "fed-message-id"),
        ] {
            chunk.headers = headers
            #expect(refusedField { try place.read(chunk) } == field)
        }
        #expect(place.files == 0)
    }

    @Test func whatIsUnfinishedIsBounded() throws {
        let place = try Place(.init(maxBytes: 3 * Chunked.size, maxAge: .zero))
        for _ in 0..<5 { #expect(try place.read(try Chunked(bytes(Chunked.size)).chunks[0]) == nil) }
        #expect(place.spool.count == 3 && place.spool.dropped == 2 && place.files == 3)
        place.spool.expire()
        #expect(place.spool.count == 0 && place.spool.bytes == 0 && place.spool.dropped == 5 && place.files == 0)
    }
}
