internal import Compression
public import EventLog

/// The records that carry a payload larger than one record (protocol.md, section 5): raw bytes, told by two headers, on
/// the message's topic and with its key, before the message itself, which is the commit record.
public enum ChunkRecord {
    static let messageID = "fed-message-id"
    static let index = "fed-chunk-index"
    /// Bytes of a record that batch, key and headers may take.
    public static let overhead = 2 << 10

    /// Whether a record is a chunk, or means to be one.
    ///
    /// - Parameter headers: of the record.
    public static func isChunk(_ headers: [RecordHeader]) -> Bool { headers.contains { $0.name == messageID } }

    static func headers(_ id: String, _ number: Int) -> [RecordHeader] {
        [RecordHeader(messageID, Array(id.utf8)), RecordHeader(index, Array(String(number).utf8))]
    }

    /// Which message a chunk belongs to, and its place in it.
    static func place(_ headers: [RecordHeader]) throws(EnvelopeFailure) -> (messageID: String, index: Int) {
        guard let id = String(validating: value(of: messageID, headers), as: UTF8.self), Identifier.check(id) else {
            throw EnvelopeFailure(messageID, "is not an identifier")
        }
        let digits = value(of: index, headers)
        guard (1...10).contains(digits.count), digits.allSatisfy({ (48...57).contains($0) }),
            let number = Int(String(decoding: digits, as: UTF8.self))
        else { throw EnvelopeFailure(index, "is not a decimal number of at most ten digits") }
        return (id, number)
    }

    private static func value(of name: String, _ headers: [RecordHeader]) -> [UInt8] {
        headers.first { $0.name == name }?.value ?? []
    }
}

/// What a commit record says of its chunks.
public struct ChunkList: Sendable, Hashable {
    /// How many.
    public var count: Int
    /// Bytes of all of them together.
    public var size: Int

    /// A list.
    ///
    /// - Parameters:
    ///   - count: how many.
    ///   - size: bytes of all of them together.
    public init(count: Int, size: Int) {
        self.count = count
        self.size = size
    }
}

/// A payload whose chunks are all made: what its commit record has to say.
public struct ChunkedPayload: Sendable {
    /// Of the message that the chunks belong to.
    public let messageID: String
    /// Of the payload.
    public let summary: PayloadSummary
    /// How many chunks, and their bytes.
    public let chunks: ChunkList
}
