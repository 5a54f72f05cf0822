internal import Bytes
internal import Envelopes
internal import EventLog
internal import Telemetry
internal import WireTime

/// One term of the active aggregator: reads what is there, then counts, closes and publishes until the term is over.
///
/// Thread: the aggregator's.
final class TermOfWork {
    let owner: Aggregator
    let term: any Term
    let reader: MessageReader
    let spool: ContributionSpool
    let chunks: ChunkSpool
    let deadLetters: DeadLetterWriter
    let publisher: ResultPublisher
    /// What earlier terms have buried, so that reading it again buries nothing twice.
    let buried: Set<Position>
    let results: any LogTail
    var updates: (any LogTail)?
    var book = RoundBook()
    /// The record whose result a closed round has; a second one is a dead letter.
    var ruling: [Int64: Position] = [:]
    /// Rounds whose result cannot be stored; they are not tried again in this term.
    var stuck: Set<Int64> = []
    /// Where the reading of updates begins: what lies before it belongs to closed rounds.
    var start: [Int32: Int64] = [:]

    /// Reads the log up to its present end: what is buried, which rounds are closed, and from where updates count.
    init(_ owner: Aggregator, _ term: any Term) throws {
        self.owner = owner
        self.term = term
        let configuration = owner.configuration
        reader = MessageReader(
            limits: .init(maxStored: configuration.maxRecordBytes, maxDecoded: configuration.maxDecodedBytes))
        spool = try ContributionSpool(configuration.directory)
        chunks = try ChunkSpool(
            configuration.directory + "-unfinished", limits: configuration.unfinished, copies: false)
        // Twice the largest record: one result and one dead letter may be in flight.
        let pool = SlabPool(limit: 2 * configuration.maxRecordBytes + (16 << 20))
        let record = try Self.recordLimit(owner)
        deadLetters = DeadLetterWriter(pool, limit: record)
        publisher = ResultPublisher(owner.log, pool, configuration, spool, maxRecordBytes: record)
        buried = try Self.readBuried(owner)
        results = try owner.log.tail(TopicName.results, from: [:])
        do {
            try results.catchUp(with: TopicName.results, of: owner.log) { [self] in try takeResult($0) }
            updates = try owner.log.tail(TopicName.updates, from: start)
        } catch {
            results.close()
            throw error
        }
    }

    /// What the topics of results and dead letters admit now: somebody may have lowered it since this process began.
    static func recordLimit(_ owner: Aggregator) throws -> Int {
        let most = owner.configuration.maxRecordBytes
        let specs = [TopicName.results, TopicName.deadLetters].map {
            TopicName.spec($0, maxRecordBytes: most)
        }
        return min(most, try owner.log.prepare(specs).values.map(\.maxRecordBytes).min() ?? most)
    }

    private static func readBuried(_ owner: Aggregator) throws -> Set<Position> {
        let tail = try owner.log.tail(TopicName.deadLetters, from: [:])
        defer { tail.close() }
        var buried: Set<Position> = []
        try tail.catchUp(with: TopicName.deadLetters, of: owner.log) { record in
            if let position = DeadLetterWriter.origin(of: record.headers) { buried.insert(position) }
        }
        return buried
    }

    /// Waits for updates until the next deadline at most, then closes what is due.
    func step() throws {
        guard let updates else { return }
        _ = try updates.read(within: patience) { [self] in try takeUpdate($0) }
        chunks.expire()
        owner.metrics.unfinished(chunks)
        owner.metrics.open(book)
        // Results of others close rounds too; their own are passed over.
        while try results.read(within: .zero, { [self] in try takeResult($0) }) > 0 {}
        for round in book.due(owner.configuration.policy, at: Timestamp.now()) where !stuck.contains(round) {
            guard term.isCurrent else { return }
            try close(round)
        }
    }

    func end() {
        updates?.close()
        results.close()
    }

    /// Half a second at most, so that results of others and a lost term are noticed soon.
    private var patience: Duration {
        let now = Timestamp.now()
        let policy = owner.configuration.policy
        let next = book.open.values.compactMap { stuck.contains($0.number) ? nil : policy.deadline(of: $0) }.min()
        guard let next, next < now + 0.5 else { return .milliseconds(500) }
        return .milliseconds(max(1, Int((next - now) * 1000)))
    }

    /// Moves a record that cannot be read to the dead letters, once in the log's life.
    func bury(_ record: borrowing StoredRecord, because reason: String) throws {
        guard !buried.contains(record.position) else { return }
        let letter = try deadLetters.letter(for: record, because: reason)
        _ = try term.publish([(TopicName.deadLetters, letter)])
        owner.metrics.buried.add()
        let position = record.position
        owner.logger.warning(
            "a record went to the dead letters",
            [
                ("topic", position.topic), ("partition", String(position.partition)),
                ("offset", String(position.offset)), ("reason", reason),
            ])
    }
}
