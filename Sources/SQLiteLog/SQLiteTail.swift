internal import EventLog
internal import Files
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
    private let values: ValueReader
    private let topic: String
    private let commits: Monitor<Int>
    private let isCancelled = Atomic(false)
    private var next: Int64

    init(
        _ directory: Directory, topic: String, from offset: Int64, commits: Monitor<Int>
    ) throws(LogFailure) {
        database = try Database(in: directory)
        values = ValueReader(directory)
        select = try database.prepare(
            """
            SELECT offset, timestamp, key, headers, value, file, start, size FROM record
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
        if count > 0 || timeout <= .zero { return count }
        // A cancellation ends one read.
        let isNew: Bool? = commits.wait(within: timeout) { commits in
            if isCancelled.exchange(false, ordering: .acquiringAndReleasing) { return false }
            return commits != seen ? true : nil
        }
        return isNew == true ? try readBatch(body) : 0
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
                let (value, extent) = try value()
                try body(
                    StoredRecord(
                        position: Position(topic: topic, partition: 0, offset: offset), timestamp: select.integer(1),
                        key: select.bytes(2), headers: try HeaderCodec.decode(select.bytes(3)), value: value,
                        extent: extent))
                next = offset + 1
                count += 1
            }
            return count
        }
    }

    /// The row's value, and where it lies when it is a large one.
    private func value() throws(LogFailure) -> (UnsafeRawBufferPointer, FileExtent?) {
        guard !select.isNull(5) else { return (select.bytes(4), nil) }
        return try values.read(
            ValuePlace(file: select.integer(5), start: select.integer(6), size: select.integer(7)))
    }
}
