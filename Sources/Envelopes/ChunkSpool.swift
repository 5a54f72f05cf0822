internal import Digests
public import EventLog
internal import Files

/// Gathers the chunks of messages on disk until their commit records come.
///
/// What it holds is a copy of the log: it is dropped at start and read again from there.
///
/// Thread: one at a time.
public final class ChunkSpool {
    /// Bounds on messages whose commit record has not come.
    public struct Limits: Sendable, Hashable {
        /// Bytes of all of them; when more come, the one that grew last the longest ago is dropped.
        public var maxBytes: Int
        /// One that did not grow for so long is dropped.
        public var maxAge: Duration

        /// Limits.
        ///
        /// - Parameters:
        ///   - maxBytes: of all unfinished messages.
        ///   - maxAge: without a further chunk.
        public init(maxBytes: Int = 64 << 30, maxAge: Duration = .seconds(24 * 3600)) {
            self.maxBytes = maxBytes
            self.maxAge = maxAge
        }
    }

    private struct Key: Hashable {
        let topic: String
        let partition: Int32
        let messageID: String
    }

    private let directory: Directory
    private let limits: Limits
    private let copies: Bool
    private var unfinished: [Key: UnfinishedMessage] = [:]
    private var nextName = 0

    /// Bytes of the messages whose commit record has not come.
    public private(set) var bytes = 0
    /// Messages that were dropped because of a limit.
    public private(set) var dropped = 0

    /// An empty spool.
    ///
    /// - Parameters:
    ///   - path: of its own directory; made when it is missing, emptied when it is not.
    ///   - limits: on what is unfinished.
    ///   - copies: whether chunks are copied that lie in a file of the log's, so that a whole payload is a file of its own.
    public init(_ path: String, limits: Limits = Limits(), copies: Bool = true) throws {
        directory = try Directory(making: path)
        for name in try directory.names { try directory.remove(name) }
        self.limits = limits
        self.copies = copies
    }

    /// How many messages have chunks and no commit record.
    public var count: Int { unfinished.count }

    /// Takes a record if it is a chunk.
    ///
    /// - Parameter record: any of the topic, in the order of its partition.
    /// - Returns: false when it is none.
    /// - Throws: `EnvelopeFailure` when its headers are wrong, `FileFailure` when the disk does not take it.
    public func take(_ record: borrowing StoredRecord) throws -> Bool {
        guard ChunkRecord.isChunk(record.headers) else { return false }
        let place = try ChunkRecord.place(record.headers)
        let position = record.position
        let key = Key(topic: position.topic, partition: position.partition, messageID: place.messageID)
        let message = try unfinished[key] ?? begin(key, position)
        bytes += try message.take(record.value, place.index, lyingAt: copies ? nil : record.extent)
        while bytes > limits.maxBytes, unfinished.count > 1,
            let oldest = unfinished.filter({ $0.key != key }).min(by: { $0.value.touched < $1.value.touched })?.key
        {
            drop(oldest)
        }
        return true
    }

    /// The whole payload of a commit record, verified; the spool forgets it.
    ///
    /// - Parameters:
    ///   - opened: the commit record.
    ///   - position: where it stands.
    /// - Throws: `EnvelopeFailure` when chunks are missing, differ from one another or from the checksum.
    public func assemble(_ opened: borrowing OpenedMessage, at position: Position) throws -> AssembledPayload {
        let header = opened.package
        guard let chunks = header.chunks else { throw EnvelopeFailure("package.chunks", "is missing") }
        let key = Key(topic: position.topic, partition: position.partition, messageID: opened.message.messageID)
        guard let message = unfinished.removeValue(forKey: key) else {
            throw EnvelopeFailure("package.chunks", "none of the \(chunks.count) chunks is there")
        }
        bytes -= message.size
        let checksum = try message.finish(chunks)
        guard checksum == header.checksum else {
            throw EnvelopeFailure("package.checksum", "does not match the chunks")
        }
        return AssembledPayload(message, header)
    }

    /// Drops the chunks of a message that nobody wants.
    ///
    /// - Parameters:
    ///   - messageID: of the message.
    ///   - position: where its commit record stands.
    public func forget(_ messageID: String, at position: Position) {
        let key = Key(topic: position.topic, partition: position.partition, messageID: messageID)
        if let message = unfinished.removeValue(forKey: key) { bytes -= message.size }
    }

    /// Drops what did not grow for longer than the limit.
    public func expire() {
        let now = ContinuousClock.now
        for (key, message) in unfinished where now - message.touched > limits.maxAge { drop(key) }
    }

    /// By partition, the lowest offset that an unfinished message needs to be read again.
    public var needed: [Int32: Int64] {
        Dictionary(unfinished.map { ($0.key.partition, $0.value.first) }) { min($0, $1) }
    }

    private func begin(_ key: Key, _ position: Position) throws -> UnfinishedMessage {
        nextName += 1
        let message = UnfinishedMessage(path: directory.file("chunks-\(nextName)"), first: position.offset)
        unfinished[key] = message
        return message
    }

    private func drop(_ key: Key) {
        guard let message = unfinished.removeValue(forKey: key) else { return }
        bytes -= message.size
        dropped += 1
    }
}
