internal import EventLog
internal import Synchronization
internal import Threads

/// Reads one topic, and waits for commits when it is at its end.
///
/// Thread: one; `cancel` any.
final class SQLiteTail: LogTail {
    /// Records a query: no read transaction stays open for long, or the write-ahead log could not be emptied.
    private static let batch: Int64 = 64

    private let database: Database
    private let select: Statement
    private let topic: String
    private let commits: Monitor<Int>
    private let isCancelled = Atomic(false)
    private var next: Int64

    init(path: String, topic: String, from offset: Int64, commits: Monitor<Int>) throws(LogFailure) {
        database = try Database(path: path)
        select = try database.prepare(
            """
            SELECT offset, timestamp, key, headers, value FROM record
            WHERE topic = ? AND offset >= ? ORDER BY offset LIMIT ?
            """)
        self.topic = topic
        self.commits = commits
        next = offset
    }

    var positions: [Int32: Int64] { [0: next] }

    func read(within timeout: Duration, _ body: (borrowing StoredRecord) throws -> Void) throws -> Int {
        let seen = commits.look { $0 }
        let count = try readBatch(body)
        if count > 0 || timeout <= .zero || isCancelled.load(ordering: .acquiring) { return count }
        let isNew: Bool? = commits.wait(within: timeout) { commits in
            commits != seen || isCancelled.load(ordering: .acquiring) ? true : nil
        }
        return isNew == nil ? 0 : try readBatch(body)
    }

    func cancel() {
        isCancelled.store(true, ordering: .releasing)
        commits.change { _ in }
    }

    func close() {}

    private func readBatch(_ body: (borrowing StoredRecord) throws -> Void) throws -> Int {
        defer { select.reset() }
        return try Array(topic.utf8).withUnsafeBytes { name in
            select.bind(1, name)
            select.bind(2, next)
            select.bind(3, Self.batch)
            var count = 0
            while try select.step() {
                let offset = select.integer(0)
                try body(
                    StoredRecord(
                        position: Position(topic: topic, partition: 0, offset: offset), timestamp: select.integer(1),
                        key: select.bytes(2), headers: try HeaderCodec.decode(select.bytes(3)), value: select.bytes(4)))
                next = offset + 1
                count += 1
            }
            return count
        }
    }
}
