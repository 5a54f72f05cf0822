internal import Bytes
internal import EventLog
internal import Threads

/// A record as it was read, copied so that it can be looked at later.
struct Kept: Equatable {
    var position: Position
    var timestamp: Int64
    var key: [UInt8]
    var headers: [RecordHeader]
    var value: [UInt8]

    init(_ record: borrowing StoredRecord) {
        position = record.position
        timestamp = record.timestamp
        key = record.key.map { [UInt8]($0) } ?? []
        headers = record.headers
        value = [UInt8](record.value)
    }
}

/// What a case works with: an open log, topics of its own, memory for records.
final class Workbench {
    /// How long anything is waited for: far longer than it takes, so that only a log that hangs gets there.
    static let patience = Duration.seconds(60)

    let pool = SlabPool(limit: 256 << 20)
    private(set) var log: any EventLog
    private var tails: [any LogTail] = []
    private let topics: String
    private let open: () throws -> any EventLog

    init(topics: String, open: @escaping () throws -> any EventLog) throws {
        self.topics = topics
        self.open = open
        log = try open()
    }

    /// A tail that is closed with the bench.
    func tail(_ topic: String, from offsets: [Int32: Int64]) throws -> any LogTail {
        let tail = try log.tail(topic, from: offsets)
        tails.append(tail)
        return tail
    }

    /// Closes the tails and the log.
    func close() {
        for tail in tails { tail.close() }
        tails = []
        log.close(within: .seconds(30))
    }

    /// Closes the log and opens the same data again.
    func reopen() throws {
        close()
        log = try open()
    }

    func name(_ suffix: String) -> String { topics + "-" + suffix }

    /// A prepared topic and its limits.
    func topic(
        _ suffix: String = "a", partitions: Int32 = 3, maxRecordBytes: Int = 1 << 20
    ) throws -> (name: String, limits: TopicLimits) {
        let spec = TopicSpec(name: name(suffix), partitions: partitions, maxRecordBytes: maxRecordBytes)
        guard let limits = try log.prepare([spec])[spec.name] else {
            throw ConformanceFailure("the limits of the prepared topic \(spec.name)", #fileID, #line)
        }
        return (spec.name, limits)
    }

    /// A record whose value lies somewhere inside a slab, not at its start.
    func record(_ value: [UInt8], key: String = "key", headers: [RecordHeader] = []) throws -> Record {
        let start = 64
        guard let slab = pool.acquire(start + value.count) else {
            throw ConformanceFailure("memory for a record", #fileID, #line)
        }
        slab.bytes[start..<(start + value.count)].copyBytes(from: value)
        return Record(key: [UInt8](key.utf8), headers: headers, slab: slab, range: start..<(start + value.count))
    }

    func record(_ value: String, key: String = "key") throws -> Record { try record([UInt8](value.utf8), key: key) }

    /// Appends, and waits until the log says where the record stands.
    @discardableResult
    func append(_ record: Record, to topic: String) throws -> Position {
        let answers = Answers()
        log.append(record, to: topic, completion: answers.take)
        return try answers.all(1)[0].get()
    }

    @discardableResult
    func append(_ value: String, key: String = "key", to topic: String) throws -> Position {
        try append(record(value, key: key), to: topic)
    }

    /// Reads until `count` records are there.
    func read(_ count: Int, from tail: any LogTail) throws -> [Kept] {
        var kept: [Kept] = []
        let deadline = ContinuousClock.now + Self.patience
        while kept.count < count, ContinuousClock.now < deadline {
            let before = kept.count
            let handed = try tail.read(within: .seconds(1)) { kept.append(Kept($0)) }
            try expectEqual(handed, kept.count - before, "how many records read says it handed over")
        }
        try expectEqual(kept.count, count, "records read")
        return kept
    }

    /// Reads until the positions have reached the ends as they are now.
    func readToEnds(_ tail: any LogTail, of topic: String) throws -> [Kept] {
        let ends = try log.ends(of: topic)
        var kept: [Kept] = []
        let deadline = ContinuousClock.now + Self.patience
        func behind() -> Bool { ends.contains { !$1.isEmpty && tail.positions[$0, default: 0] < $1.upperBound } }
        while behind(), ContinuousClock.now < deadline {
            _ = try tail.read(within: .milliseconds(200)) { kept.append(Kept($0)) }
        }
        try expect(!behind(), "positions that reach the ends \(ends), got \(tail.positions)")
        return kept
    }
}

/// Gathers what appends are answered.
final class Answers: Sendable {
    private let results = Monitor<[Result<Position, LogFailure>]>([])

    @Sendable func take(_ result: Result<Position, LogFailure>) { results.change { $0.append(result) } }

    /// Waits for as many answers; more of them by then are a failure.
    func all(_ count: Int) throws -> [Result<Position, LogFailure>] {
        guard let enough = results.wait(within: Workbench.patience, for: { $0.count >= count ? $0 : nil }) else {
            throw ConformanceFailure("\(count) answers to appends", #fileID, #line)
        }
        try expectEqual(enough.count, count, "answers to appends")
        return enough
    }

    var count: Int { results.change { $0.count } }
}

/// Runs a body on a thread of its own; `wait` gives its outcome.
final class Errand<Value: Sendable>: Sendable {
    private let outcome = Monitor<Result<Value, any Error>?>(nil)

    init(_ body: @escaping @Sendable () throws -> Value) throws {
        let outcome = self.outcome
        guard
            DedicatedThread(
                name: "errand",
                {
                    let result = Result { try body() }
                    outcome.change { $0 = result }
                }) != nil
        else { throw ConformanceFailure("a thread", #fileID, #line) }
    }

    var isDone: Bool { outcome.change { $0 != nil } }

    func wait(_ what: String) throws -> Value {
        guard let result = outcome.wait(within: Workbench.patience, for: { $0 }) else {
            throw ConformanceFailure("\(what) to end", #fileID, #line)
        }
        return try result.get()
    }
}
