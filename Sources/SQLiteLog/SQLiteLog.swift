public import EventLog
internal import Files
internal import Synchronization
internal import Threads

/// The embedded log: one SQLite database in WAL mode, and files for large values beside it, written by one thread.
///
/// An append is acknowledged after the commit that holds it has been synced to the disk. All appends that wait when a
/// commit begins share it, so that many clients cost one sync.
///
/// Thread: any.
public final class SQLiteLog: EventLog {
    let directory: Directory
    let limits: TopicLimits
    private let lock: DirectoryLock
    private let writer: GroupCommit
    private let isClosed = Atomic(false)
    private let topics = Mutex<Set<String>>([])
    private let contests = Mutex<[String: Contest]>([:])
    /// The log's name for itself, made when the database was.
    public let identity: String

    /// Opens the log in a directory, making both when they are missing.
    ///
    /// - Parameters:
    ///   - directory: belongs to this process alone while the log is open.
    ///   - maxRecordBytes: the largest record in bytes.
    ///   - maxBytes: the largest size of the database, and of all files when a large value comes, in bytes; nil leaves it to
    ///     the disk.
    /// - Throws: `LogFailure`, also when another process has the directory.
    public init(directory: String, maxRecordBytes: Int = 16 << 20, maxBytes: Int64? = nil) throws(LogFailure) {
        do throws(FileFailure) { self.directory = try Directory(making: directory) } catch {
            throw LogFailure(.unreachable, error.description)
        }
        lock = try DirectoryLock(directory)
        limits = TopicLimits(partitions: 1, maxRecordBytes: maxRecordBytes)
        let database = try Database(in: self.directory)
        try Schema.apply(to: database, maxBytes: maxBytes)
        identity = try Schema.identity(of: database)
        writer = try GroupCommit(database, ValueFiles(self.directory, maxBytes: maxBytes))
    }

    /// How many commits were made; fewer than records when they came together.
    var commits: Int { writer.commits.look { $0 } }

    /// Makes the topics known; each has one partition.
    public func prepare(_ topics: [TopicSpec]) throws(LogFailure) -> [String: TopicLimits] {
        try checkOpen()
        self.topics.withLock { $0.formUnion(topics.map(\.name)) }
        return Dictionary(topics.map { ($0.name, limits) }) { $1 }
    }

    /// Appends one record; the completion is called by the writer's thread.
    public func append(
        _ record: Record, to topic: String, completion: @escaping @Sendable (Result<Position, LogFailure>) -> Void
    ) {
        if let failure = refusal(of: record, to: topic) { return completion(.failure(failure)) }
        writer.append([(topic, record)], isCurrent: { true }) { completion($0.map { $0[0] }) }
    }

    func refusal(of record: Record, to topic: String) -> LogFailure? {
        guard topics.withLock({ $0.contains(topic) }) else {
            return LogFailure(.topic, "the topic \(topic) was not prepared")
        }
        let size = record.headers.reduce(record.key.count + record.range.count) {
            $0 + $1.name.utf8.count + $1.value.count
        }
        guard size <= limits.maxRecordBytes else {
            return LogFailure(.tooLarge, "a record of \(size) bytes is over the limit of \(limits.maxRecordBytes)")
        }
        return nil
    }

    /// Appends all or none, while nobody else has taken over.
    ///
    /// Blocks.
    func appendTogether(
        _ records: [(topic: String, record: Record)], isCurrent: @escaping @Sendable () -> Bool
    ) throws(LogFailure) -> [Position] {
        for (topic, record) in records {
            if let failure = refusal(of: record, to: topic) { throw failure }
        }
        let answer = Monitor<Result<[Position], LogFailure>?>(nil)
        writer.append(records, isCurrent: isCurrent) { result in answer.change { $0 = result } }
        guard let result = answer.wait(for: { $0 }) else { throw LogFailure(.closed, "the log is closed") }
        return try result.get()
    }

    /// The only partition's offsets.
    public func ends(of topic: String) throws(LogFailure) -> [Int32: Range<Int64>] {
        try check(topic)
        let database = try Database(in: directory)
        let statement = try database.prepare("SELECT min(offset), max(offset) + 1 FROM record WHERE topic = ?")
        return try withBytes(of: topic) { (name) throws(LogFailure) in
            statement.bind(1, name)
            guard try statement.step() else { return [0: 0..<0] }
            return [0: statement.integer(0)..<statement.integer(1)]
        }
    }

    /// Begins to read a topic on a connection of its own.
    public func tail(_ topic: String, from offsets: [Int32: Int64]) throws(LogFailure) -> any LogTail {
        try check(topic)
        return try SQLiteTail(directory, topic: topic, from: offsets[0] ?? 0, commits: writer.commits)
    }

    /// Takes part in a contest among the threads of this process; no other process has the log.
    public func contend(for work: String) throws(LogFailure) -> any Leadership {
        try checkOpen()
        let contest = contests.withLock { contests in
            let contest = contests[work] ?? Contest()
            contests[work] = contest
            return contest
        }
        return SQLiteLeadership(self, contest)
    }

    /// Commits what waits and ends the writer; it does not need the deadline, since a commit does not hang.
    public func close(within deadline: Duration) {
        isClosed.store(true, ordering: .releasing)
        writer.close()
        lock.release()
    }
}

extension SQLiteLog {
    private func checkOpen() throws(LogFailure) {
        if isClosed.load(ordering: .acquiring) { throw LogFailure(.closed, "the log is closed") }
    }

    func check(_ topic: String) throws(LogFailure) {
        try checkOpen()
        guard topics.withLock({ $0.contains(topic) }) else {
            throw LogFailure(.topic, "the topic \(topic) was not prepared")
        }
    }
}

/// Lends the bytes of a text to a function with typed throws.
func withBytes<R>(
    of text: String, _ body: (UnsafeRawBufferPointer) throws(LogFailure) -> R
) throws(LogFailure) -> R {
    let result: Result<R, LogFailure> = Array(text.utf8).withUnsafeBytes { bytes in
        do throws(LogFailure) { return .success(try body(bytes)) } catch { return .failure(error) }
    }
    return try result.get()
}
