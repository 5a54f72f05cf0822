import Compression
import Digests
import EventLog
import Glibc

@testable import Envelopes

/// Chunk and commit records in any order, beside a model of what they come to.
///
/// The input is a list of steps of three bytes: which message and what, which chunk, and how many bytes follow.
enum Chunks {
    private static let path = (getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp") + "/fedgate-fuzz-\(getpid())"

    /// What came of one message.
    private struct Expected {
        var chunks: [[UInt8]] = []
        var isFlawed = false

        mutating func take(_ chunk: [UInt8], _ index: Int) {
            if isFlawed { return }
            if index < chunks.count {
                isFlawed = chunks[index] != chunk
            } else if index == chunks.count {
                chunks.append(chunk)
            } else {
                isFlawed = true
            }
        }
    }

    static func check(_ input: UnsafeRawBufferPointer, _ piece: Int) throws {
        let spool = try ChunkSpool(path)
        defer { rmdir(path) }
        var expected: [Int: Expected] = [:]
        var rest = input[...]
        var offset: Int64 = 0
        while rest.count >= 3 {
            let step = Array(rest.prefix(3))
            let data = Array(rest.dropFirst(3).prefix(Int(step[2])))
            rest = rest.dropFirst(3 + data.count)
            let (message, index) = (Int(step[0] & 3), Int(step[1]))
            offset += 1
            switch step[0] >> 5 {
            case 0:
                let found = expected.removeValue(forKey: message)
                try commit(message, found, off: index, spool, offset)
            case 1:
                spool.forget(name(message), at: position(offset))
                expected[message] = nil
            case 2: try lie(data, message, spool, offset)
            default:
                expected[message, default: Expected()].take(data, index)
                try take(data, message, Array(String(index).utf8), spool, offset)
            }
            let size = expected.values.reduce(0) { $0 + $1.chunks.reduce(0) { $0 + $1.count } }
            try require(spool.bytes == size && spool.count == expected.count, "\(spool.bytes) bytes, not \(size)")
        }
        for message in expected.keys { spool.forget(name(message), at: position(offset)) }
    }

    private static func name(_ message: Int) -> String { "message-\(message)" }

    private static func position(_ offset: Int64) -> Position { Position(topic: "t", partition: 0, offset: offset) }

    private static func take(
        _ data: [UInt8], _ message: Int, _ index: [UInt8], _ spool: ChunkSpool, _ offset: Int64
    ) throws {
        let headers = [
            RecordHeader(ChunkRecord.messageID, Array(name(message).utf8)), RecordHeader(ChunkRecord.index, index),
        ]
        try data.withUnsafeBytes { bytes in
            let record = StoredRecord(
                position: position(offset), timestamp: 0, key: nil, headers: headers, value: bytes)
            try require(try spool.take(record), "a chunk is not taken for one")
        }
    }

    /// An index that is no number of the protocol's has to be refused.
    private static func lie(_ text: [UInt8], _ message: Int, _ spool: ChunkSpool, _ offset: Int64) throws {
        guard text.count > 10 || !text.allSatisfy({ (48...57).contains($0) }) else { return }
        do { try take([], message, text, spool, offset) } catch is EnvelopeFailure { return }
        throw Broken("the index \(String(decoding: text, as: UTF8.self).debugDescription) is taken")
    }

    /// - Parameter off: what the commit record lies about: count, size or checksum.
    private static func commit(
        _ message: Int, _ found: Expected?, off: Int, _ spool: ChunkSpool, _ offset: Int64
    ) throws {
        let whole = (found?.chunks ?? []).flatMap { $0 }
        let list = ChunkList(
            count: (found?.chunks.count ?? 0) + (off & 1), size: whole.count + (off >> 1 & 1))
        var checksum = whole.withUnsafeBytes { Hex.encode(SHA256.digest(of: $0)) }
        if off & 4 != 0 { checksum = String(checksum.reversed()) }
        let header = PackageHeader(
            format: "binary_custom", compression: .none, checksum: checksum, originalSize: list.size,
            compressedSize: list.size, timestamp: 0, modelVersion: nil, clientID: nil, roundNumber: nil,
            dataType: .modelWeights, metadata: [:], chunks: list)
        let fields = Message(
            messageID: name(message), type: .weightUpdate, senderID: "s", timestamp: 0, roundNumber: 0, metadata: [:])
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        let opened = OpenedMessage(message: fields, package: header, payload: nothing, storedPackage: nothing)
        var payload: [UInt8]?
        do {
            let assembled = try spool.assemble(opened, at: position(offset))
            payload = []
            try assembled.read { payload?.append(contentsOf: $0) }
        } catch is EnvelopeFailure {}
        let isRight = found.map { !$0.isFlawed } == true && off & 7 == 0
        try require(payload == (isRight ? whole : nil), "the chunks make another payload")
    }
}
