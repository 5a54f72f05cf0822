/// An append-only log of topics, each cut into partitions of keyed records with headers and offsets.
///
/// Two implementations pass the same conformance tests: one on SQLite, one on Kafka.
///
/// Thread: any, unless a function says otherwise.
public protocol EventLog: AnyObject, Sendable {
    /// Identifies this log's data: another identity means that positions of before mean nothing now.
    var identity: String { get throws(LogFailure) }

    /// Makes sure that the topics exist, and says what each one admits. May block; not for HTTP workers.
    ///
    /// - Parameter topics: names and the settings for those that are missing.
    func prepare(_ topics: [TopicSpec]) throws(LogFailure) -> [String: TopicLimits]

    /// Asks whether records could be appended to the topics now. May block for a few seconds.
    ///
    /// - Parameter topics: prepared ones.
    /// - Throws: `LogFailure` that says why not.
    func probe(_ topics: [String]) throws(LogFailure)

    /// Appends one record and says when it is durable. Never blocks.
    ///
    /// - Parameters:
    ///   - record: its value is retained, not copied, until the completion was called.
    ///   - topic: a prepared topic.
    ///   - completion: called exactly once, on a thread of the log, which it must not block.
    func append(
        _ record: Record, to topic: String, completion: @escaping @Sendable (Result<Position, LogFailure>) -> Void)

    /// The first offset that is still there and the next one to be written, by partition. May block.
    ///
    /// - Parameter topic: a prepared topic.
    func ends(of topic: String) throws(LogFailure) -> [Int32: Range<Int64>]

    /// Begins to read a topic.
    ///
    /// - Parameters:
    ///   - topic: a prepared topic.
    ///   - offsets: the next offset to read, by partition; partitions that are not named are read from their start.
    func tail(_ topic: String, from offsets: [Int32: Int64]) throws(LogFailure) -> any LogTail

    /// Takes part in the contest for a piece of work. May block.
    ///
    /// - Parameter work: the same name in every process that contends.
    func contend(for work: String) throws(LogFailure) -> any Leadership

    /// Finishes what was appended and releases the log; later calls fail with `closed`. Blocks.
    ///
    /// - Parameter deadline: after which records without an answer fail with `outcomeUnknown`.
    func close(within deadline: Duration)
}

/// A reader of one topic.
///
/// Thread: one, dedicated to it, since reading blocks.
public protocol LogTail: AnyObject {
    /// Waits for records and hands over those that are there.
    ///
    /// - Parameters:
    ///   - timeout: how long to wait for the first one.
    ///   - body: called for each in the order of its partition. When it throws, the record counts as not read.
    /// - Returns: how many were handed over.
    func read(within timeout: Duration, _ body: (borrowing StoredRecord) throws -> Void) throws -> Int

    /// The next offset to read, by partition; behind records that the log keeps for itself, once they were passed.
    var positions: [Int32: Int64] { get }

    /// Ends a `read` that waits. Thread: any.
    func cancel()

    /// Releases the reader. Blocks; no call follows it.
    func close()
}

/// What a topic is to be like when it has to be made.
public struct TopicSpec: Sendable, Hashable {
    /// The topic's name.
    public var name: String
    /// How many partitions.
    public var partitions: Int32
    /// The largest record, key, headers and batch included, in bytes.
    public var maxRecordBytes: Int

    /// A topic.
    ///
    /// - Parameters:
    ///   - name: the topic's name.
    ///   - partitions: how many.
    ///   - maxRecordBytes: the largest record in bytes.
    public init(name: String, partitions: Int32, maxRecordBytes: Int) {
        self.name = name
        self.partitions = partitions
        self.maxRecordBytes = maxRecordBytes
    }
}

/// What a topic is really like.
public struct TopicLimits: Sendable, Hashable {
    /// How many partitions.
    public var partitions: Int32
    /// The largest record in bytes (Kafka: `max.message.bytes`, read back from the broker).
    public var maxRecordBytes: Int

    /// Limits.
    ///
    /// - Parameters:
    ///   - partitions: how many.
    ///   - maxRecordBytes: in bytes.
    public init(partitions: Int32, maxRecordBytes: Int) {
        self.partitions = partitions
        self.maxRecordBytes = maxRecordBytes
    }
}
