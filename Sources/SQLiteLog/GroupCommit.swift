internal import EventLog
internal import Files
internal import Glibc
internal import Threads

/// The one writer: takes all appends that wait, commits them together, then answers them.
///
/// Unchecked: the database, its statements and the files belong to the writer's thread after `init`.
final class GroupCommit: @unchecked Sendable {
    /// Records that are stored together or not at all.
    struct Append: Sendable {
        let records: [(topic: String, record: Record)]
        let isCurrent: @Sendable () -> Bool
        let completion: @Sendable (Result<[Position], LogFailure>) -> Void
    }

    private struct State {
        var waiting: [Append] = []
        var closed = false
    }

    /// Changes with every commit, so that readers can wait for it.
    let commits = Monitor(0)
    private let state = Monitor(State())
    private let database: Database
    private let insert: Statement
    private let pages: Statement
    private let values: ValueFiles
    private var next: [String: Int64] = [:]
    private var thread: DedicatedThread?

    init(_ database: Database, _ values: ValueFiles) throws(LogFailure) {
        self.database = database
        self.values = values
        insert = try database.prepare("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
        pages = try database.prepare("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        let topics = try database.prepare("SELECT topic, max(offset) FROM record GROUP BY topic")
        while try topics.step() { next[String(decoding: topics.bytes(0), as: UTF8.self)] = topics.integer(1) + 1 }
        thread = DedicatedThread(name: "log-commit") { [unowned self] in run() }
        if thread == nil { throw LogFailure(.unreachable, "cannot start the log's writer thread") }
    }

    func append(
        _ records: [(topic: String, record: Record)], isCurrent: @escaping @Sendable () -> Bool,
        completion: @escaping @Sendable (Result<[Position], LogFailure>) -> Void
    ) {
        let append = Append(records: records, isCurrent: isCurrent, completion: completion)
        let accepted = state.change { state in
            if !state.closed { state.waiting.append(append) }
            return !state.closed
        }
        if !accepted { append.completion(.failure(LogFailure(.closed, "the log is closed"))) }
    }

    /// Commits what waits and ends the writer.
    ///
    /// Blocks.
    func close() {
        state.change { $0.closed = true }
        thread?.join()
    }

    private func run() {
        while let batch = nextBatch() {
            let results = commit(batch)
            commits.change { $0 += 1 }
            for (append, result) in zip(batch, results) { append.completion(result) }
        }
    }

    private func nextBatch() -> [Append]? {
        let batch: [Append]?? = state.wait { state in
            if !state.waiting.isEmpty {
                defer { state.waiting = [] }
                return .some(state.waiting)
            }
            return state.closed ? .some(nil) : nil
        }
        return batch ?? nil
    }

    /// One transaction for all; when it fails, one for each, so that a large record does not take its neighbours down.
    private func commit(_ batch: [Append]) -> [Result<[Position], LogFailure>] {
        do throws(LogFailure) {
            return try transaction(batch).map { .success($0) }
        } catch {
            guard batch.count > 1 else { return [.failure(error)] }
            return batch.flatMap { commit([$0]) }
        }
    }

    private func transaction(_ batch: [Append]) throws(LogFailure) -> [[Position]] {
        var offsets = next
        var positions: [[Position]] = []
        let mark = values.mark
        var mayBeStored = false
        do throws(LogFailure) {
            try database.execute("BEGIN IMMEDIATE")
            for append in batch {
                guard append.isCurrent() else { throw LogFailure(.fenced, "another one has taken over") }
                var stored: [Position] = []
                for (topic, record) in append.records {
                    let offset = offsets[topic, default: 0]
                    try store(record, in: topic, at: offset)
                    offsets[topic] = offset + 1
                    stored.append(Position(topic: topic, partition: 0, offset: offset))
                }
                positions.append(stored)
            }
            try values.sync()
            mayBeStored = true
            try database.execute("COMMIT")
        } catch {
            // SQLite has rolled back by itself after a full disk; then this fails, and nothing is open either way.
            try? database.execute("ROLLBACK")
            if !mayBeStored { values.rewind(to: mark) }
            throw error
        }
        next = offsets
        return positions
    }

    private func store(_ record: Record, in topic: String, at offset: Int64) throws(LogFailure) {
        defer { insert.reset() }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        insert.bind(2, offset)
        insert.bind(3, Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec / 1_000_000))
        var place: ValuePlace?
        if record.range.count >= ValueFiles.threshold {
            place = try values.write(record.value, beside: databaseBytes)
        }
        let topic = Array(topic.utf8)
        let headers = HeaderCodec.encode(record.headers)
        let failure: LogFailure? = topic.withUnsafeBytes { topic in
            record.key.withUnsafeBytes { key in
                headers.withUnsafeBytes { headers in
                    insert.bind(1, topic)
                    insert.bind(4, key)
                    insert.bind(5, headers)
                    if let place {
                        insert.bind(6, UnsafeRawBufferPointer(start: nil, count: 0))
                        insert.bind(7, place.file)
                        insert.bind(8, place.start)
                        insert.bind(9, place.size)
                    } else {
                        insert.bind(6, record.value)
                    }
                    do throws(LogFailure) { _ = try insert.step() } catch { return error }
                    return nil
                }
            }
        }
        if let failure { throw failure }
    }

    private func databaseBytes() throws(LogFailure) -> Int64 {
        defer { pages.reset() }
        return try pages.step() ? pages.integer(0) : 0
    }
}
