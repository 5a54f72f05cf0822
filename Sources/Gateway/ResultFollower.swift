internal import Compression
internal import Digests
internal import Envelopes
internal import EventLog
internal import Synchronization
internal import Telemetry
internal import Threads
internal import WeightFormats
internal import Weights

/// Copies results from the log into the store as they come, beginning where the store stands.
///
/// What it hears from the log, or does not, is the gateway's evidence of the log's health.
///
/// Thread: its own; `start`, `stop` and `evidence` any.
final class ResultFollower: Sendable {
    /// What was last heard from the log.
    struct Evidence: Sendable {
        /// Whether the store has everything that the log had when the gateway started.
        var isCaughtUp = false
        var lastSuccess: ContinuousClock.Instant?
        var problem = "the log was not heard of yet"
    }

    private let log: any EventLog
    private let store: ResultStore
    private let limits: MessageReader.Limits
    private let directory: String
    private let unfinished: ChunkSpool.Limits
    private let metrics: GatewayMetrics
    private let logger: Logger
    private let evidenceBox = Mutex(Evidence())
    private let stopping = Atomic(false)
    private let pause = Monitor(false)
    private let thread = Mutex<DedicatedThread?>(nil)

    init(
        _ log: any EventLog, _ store: ResultStore, _ limits: MessageReader.Limits,
        _ configuration: GatewayConfiguration, _ metrics: GatewayMetrics, _ logger: Logger
    ) {
        directory = configuration.directory
        unfinished = configuration.unfinished
        self.log = log
        self.store = store
        self.limits = limits
        self.metrics = metrics
        self.logger = logger
    }

    var evidence: Evidence { evidenceBox.withLock { $0 } }

    func start() -> Bool {
        let started = DedicatedThread(name: "results") { [self] in run() }
        thread.withLock { $0 = started }
        return started != nil
    }

    /// Ends soon; does not wait for it.
    func beginStopping() {
        stopping.store(true, ordering: .releasing)
        pause.change { $0 = true }
    }

    func stop() {
        beginStopping()
        thread.withLock { $0.take() }?.join()
    }

    private var isStopping: Bool { stopping.load(ordering: .acquiring) }

    private func run() {
        while !isStopping {
            do {
                try follow()
            } catch {
                evidenceBox.withLock { $0.problem = String(describing: error) }
                metrics.followerFailures.add()
                logger.error("results cannot be followed; trying again", [("reason", String(describing: error))])
                _ = pause.wait(within: .seconds(1)) { $0 ? true : nil }
            }
        }
    }

    private func follow() throws {
        let reader = MessageReader(limits: limits)
        let chunks = try ChunkSpool(directory + "-unfinished", limits: unfinished)
        let tail = try log.tail(TopicName.results, from: try start())
        defer { tail.close() }
        try tail.catchUp(with: TopicName.results, of: log, while: { !isStopping }) { [self] in
            try take($0, reader, chunks)
        }
        evidenceBox.withLock { $0.isCaughtUp = true }
        heard()
        while !isStopping {
            let count = try tail.read(within: .milliseconds(500)) { [self] in try take($0, reader, chunks) }
            chunks.expire()
            metrics.unfinishedMessages.set(chunks.count)
            metrics.unfinishedBytes.set(chunks.bytes)
            // Silence proves nothing: ask, though not at every turn.
            if count == 0, isStale(after: .seconds(3)) { _ = try log.ends(of: TopicName.results) }
            if count > 0 || isStale(after: .seconds(3)) { heard() }
        }
    }

    private func heard() { evidenceBox.withLock { $0.lastSuccess = .now } }

    private func isStale(after age: Duration) -> Bool {
        evidence.lastSuccess.map { ContinuousClock.now - $0 > age } ?? true
    }

    /// Where to go on; the store is emptied when its log is not this one, or has lost what the store has seen.
    private func start() throws -> [Int32: Int64] {
        let identity = try log.identity
        let ends = try log.ends(of: TopicName.results)
        var next: [Int32: Int64] = [:]
        var isAhead = false
        for result in store.all.values {
            let (partition, behind) = (result.position.partition, result.position.offset + 1)
            isAhead = isAhead || behind > (ends[partition]?.upperBound ?? 0)
            // What is not on the disk yet has to come again.
            if !result.isUnsynced { next[partition] = max(next[partition] ?? 0, behind) }
        }
        let isOther = try store.logIdentity != identity
        if isOther || isAhead {
            if !store.all.isEmpty { logger.warning("the log is another one than before; results are copied anew") }
            try store.clear(for: identity)
            return [:]
        }
        return next
    }

    private func take(_ record: borrowing StoredRecord, _ reader: MessageReader, _ chunks: ChunkSpool) throws {
        let position = record.position
        let reason: String
        do {
            if try chunks.take(record) { return }
            return try reader.read(record) { [self] in try store($0, at: position, chunks) }
        } catch let failure as EnvelopeFailure {
            reason = String(describing: failure)
        } catch let failure as WeightFailure {
            reason = failure.description
        }
        // The aggregator moves it to the dead letters; here it is only passed over.
        metrics.unreadableResults.add()
        logger.warning(
            "a result cannot be read", [("offset", String(position.offset)), ("reason", reason)])
    }

    private func store(_ opened: borrowing OpenedMessage, at position: Position, _ chunks: ChunkSpool) throws {
        let message = opened.message
        defer { if opened.package.chunks != nil { chunks.forget(message.messageID, at: position) } }
        guard message.type == .aggregationResult else {
            throw EnvelopeFailure("message_type", "not a result")
        }
        guard opened.package.format == "binary_custom" else {
            throw EnvelopeFailure("format", "\(opened.package.format) cannot be served")
        }
        // The first result of a round rules; one that is not on the disk yet is finished.
        if let known = store[message.roundNumber] {
            guard known.isUnsynced, known.messageID == message.messageID else { return }
        }
        let assembled = opened.package.chunks == nil ? nil : try chunks.assemble(opened, at: position)
        // Of bytes that are stored as they are the digest is known, and was verified.
        let isPlain = opened.package.filter == .none && opened.package.compression == .none
        let check = PayloadCheck(limits, digest: isPlain ? opened.package.checksum : nil)
        func read(_ body: @escaping (UnsafeRawBufferPointer) throws -> Void) throws {
            let plain = try PlainPayload(behind: opened.package.filter, limits, to: body)
            if let assembled { try assembled.read(plain.feed) } else { try plain.feed(opened.payload) }
            try plain.finish()
        }
        try read(check.feed)
        let digest = try check.finish()
        let result = StoredResult(
            round: message.roundNumber, messageID: message.messageID, position: position,
            digest: digest, size: opened.package.originalSize,
            counted: StoredResult.counted(message.metadata), logPositions: StoredResult.positions(message.metadata),
            timestamp: message.timestamp)
        if let assembled, isPlain {
            try store.add(result, assembled)
        } else {
            try store.add(result, reading: read)
        }
        logger.info("result stored", [("round", String(result.round)), ("bytes", String(result.size))])
    }
}

/// The payload as it was before a filter.
private final class PlainPayload: ElementSink {
    private let decoder: ByteplaneDecoder?
    private let body: (UnsafeRawBufferPointer) throws -> Void

    init(
        behind filter: StreamFilter, _ limits: MessageReader.Limits,
        to body: @escaping (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let limits = DecodeLimits(decodedBytes: UInt64(limits.maxDecoded))
        decoder = filter == .byteplane ? try ByteplaneDecoder(limits: limits) : nil
        self.body = body
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws { try body(bytes) }

    func feed(_ piece: UnsafeRawBufferPointer) throws {
        if let decoder { try decoder.feed(piece, to: self) } else { try body(piece) }
    }

    func finish() throws { _ = try decoder?.finish(to: self) }
}

/// Weights that stream by: right or not, and their digest.
private final class PayloadCheck {
    private var validator: FEDWT001Validator
    private let known: String?
    private var digest = SHA256()

    /// - Parameter digest: their SHA-256, lowercase hex, where it is known.
    init(_ limits: MessageReader.Limits, digest: String?) {
        known = digest
        validator = FEDWT001Validator(limits: .init(decodedBytes: UInt64(limits.maxDecoded)))
    }

    func feed(_ piece: UnsafeRawBufferPointer) throws {
        try validator.feed(piece)
        if known == nil { digest.update(piece) }
    }

    /// SHA-256, lowercase hex.
    func finish() throws -> String {
        try validator.finish()
        if let known { return known }
        var whole = SHA256()
        swap(&whole, &digest)
        return Hex.encode(whole.finalize())
    }
}
