internal import Bytes
public import Compression
public import Envelopes
internal import EventLog
internal import Files
internal import Telemetry
public import WeightFormats
internal import Weights
internal import WireJSON
internal import WireTime

/// How results are written to the log.
public struct ResultForm: Sendable, Hashable {
    /// The envelope around them.
    public var envelope: EnvelopeKind
    /// The compression inside their packages.
    public var compression: CompressionPolicy
    /// How arrays are written that are mostly zero.
    public var sparse: SparseEncoding

    /// A form.
    ///
    /// - Parameters:
    ///   - envelope: around them.
    ///   - compression: inside their packages.
    ///   - sparse: how arrays are written that are mostly zero.
    public init(envelope: EnvelopeKind, compression: CompressionPolicy, sparse: SparseEncoding = .pickle) {
        self.envelope = envelope
        self.compression = compression
        self.sparse = sparse
    }
}

/// Makes a round's result of its spooled updates and puts it on the log.
///
/// Thread: one.
final class ResultPublisher {
    private static let counted = "counted"
    private static let logPositions = "log_positions"

    /// Bytes of chunks that are on their way at one time.
    private static let window = 8 << 20

    private let log: any EventLog
    private let pool: SlabPool
    private let form: ResultForm
    private let spool: ContributionSpool
    let maxRecordBytes: Int
    private let chunkSize: Int
    private let dropping = DroppingSink()

    init(
        _ log: any EventLog, _ pool: SlabPool, _ configuration: AggregatorConfiguration, _ spool: ContributionSpool,
        maxRecordBytes: Int
    ) {
        self.log = log
        self.pool = pool
        self.spool = spool
        form = configuration.output
        self.maxRecordBytes = maxRecordBytes
        chunkSize = max(4096, min(configuration.chunkSize, maxRecordBytes - ChunkRecord.overhead))
    }

    /// Computes a round's mean and appends it; in chunks when it may not fit one record, each array as soon as it is there.
    ///
    /// - Parameters:
    ///   - round: with at least one update.
    ///   - positions: from where a later aggregator has to read updates, by partition.
    ///   - term: in which it is published.
    ///   - trace: of the round, which the record bears.
    ///   - progress: called now and then with the part of the mean that is computed, from 0 to 1.
    /// - Returns: where the result's record stands.
    /// - Throws: `EnvelopeFailure` when the result cannot be written.
    func publish(
        _ round: OpenRound, positions: [Int32: Int64], in term: any Term, trace: TraceContext? = nil,
        progress: @escaping (Double) -> Void
    ) throws -> Position? {
        let name = "mean"
        defer { try? spool.remove(name) }
        let mean = try MeanFile(of: round, in: spool.create(name), progress: progress)
        let draft = Draft(
            round: round.number, metadata: Self.metadata(of: round, positions),
            // What the metadata needs stands before and behind the payload.
            room: (1 << 14) + 512 * round.count, headers: trace.map(RoundTrace.headers) ?? [])
        let largest = RecordSealer.largestPayload(
            inRecord: maxRecordBytes, envelope: form.envelope, compression: form.compression, metadata: draft.room)
        let writer = FEDWT001Writer(arrays: round.arrays, metadata: [:], sparse: form.sparse)
        func next(_ index: Int) throws -> (UnsafeRawBufferPointer, Bool?) {
            let array = try mean.compute(index)
            // The disk may need the room: whatever fails from here on begins again from the log.
            if index == round.arrays.count - 1 { for done in round.contributions { try spool.remove(done.file) } }
            return array
        }
        let record = try mean.mapped {
            let payload: Payload = { try writer.writeJudged(next, to: $0) }
            return writer.maximumSize <= largest
                ? try seal(payload, of: writer.maximumSize, draft)
                : try sealInChunks(payload, of: mean, draft, in: term)
        }
        return try term.publish([(TopicName.results, record)]).first
    }

    /// A result but for its payload.
    private struct Draft {
        let id = MessageID.make()
        let round: Int64
        let metadata: [String: JSONValue]
        /// Bytes that the metadata may take in a record.
        let room: Int
        let headers: [RecordHeader]

        var message: Message {
            Message(
                messageID: id, type: .aggregationResult, senderID: "aggregator", timestamp: Timestamp.now(),
                roundNumber: round, metadata: metadata)
        }
    }

    /// Hands a payload over, piece by piece.
    private typealias Payload = (_ sink: (UnsafeRawBufferPointer) throws -> Void) throws -> Void

    private func seal(_ payload: Payload, of size: Int, _ draft: Draft) throws -> Record {
        var sealer = try sealer(forPayload: size, draft.room)
        let heads = FEDWT001Decoder(limits: DecodeLimits(decodedBytes: .max))
        try payload { piece in
            // Where arrays lie, for a filter.
            try heads.feed(piece, to: dropping)
            sealer.note(.arrays, heads.takeExtents())
            try sealer.write(piece)
        }
        return try sealer.seal(
            format: "binary_custom", dataType: .aggregationResult, modelVersion: nil, extraHeaders: draft.headers
        ) { _ in draft.message }.record
    }

    /// Appends the chunks, and gives the commit record.
    private func sealInChunks(_ payload: Payload, of mean: MeanFile, _ draft: Draft, in term: any Term) throws -> Record
    {
        var sealer = ChunkSealer(
            messageID: draft.id, key: Array(String(draft.round).utf8), chunkSize: chunkSize,
            compression: form.compression)
        let heads = FEDWT001Decoder(limits: DecodeLimits(decodedBytes: .max))
        let window = ChunkWindow(log, topic: TopicName.results, most: max(1, Self.window / chunkSize))
        var full: [Record] = []
        func send() throws(LogFailure) {
            guard term.isCurrent else { throw LogFailure(.fenced, "another one has taken over") }
            while !full.isEmpty { try window.append(full.removeFirst()) }
        }
        try payload { bytes in
            try bytes.forEachPiece(of: chunkSize) { piece in
                try supply(&sealer, for: piece.count)
                try heads.feed(piece, to: dropping)
                sealer.note(.arrays, heads.takeExtents())
                try sealer.write(piece) { full.append($0) }
                mean.release(piece)
                try send()
            }
        }
        try supply(&sealer, for: 0)
        let chunked = try sealer.finish { full.append($0) }
        try send()
        try window.finish()
        return try self.sealer(forPayload: 0, draft.room).commit(
            chunked, format: "binary_custom", dataType: .aggregationResult, modelVersion: nil,
            extraHeaders: draft.headers
        ) { _ in draft.message }.record
    }

    private func supply(_ sealer: inout ChunkSealer, for count: Int) throws {
        while sealer.slabsMissing(for: count) > 0 {
            guard let slab = pool.acquire(chunkSize) else {
                throw LogFailure(.full, "no memory for a chunk of \(chunkSize) bytes")
            }
            sealer.give(slab)
        }
    }

    private func sealer(forPayload bytes: Int, _ metadataRoom: Int) throws -> RecordSealer {
        let capacity = RecordSealer.capacity(
            forPayload: bytes, envelope: form.envelope, compression: form.compression, metadata: metadataRoom)
        guard let slab = pool.acquire(capacity) else {
            throw EnvelopeFailure("payload", "there is no memory for a record with \(bytes) bytes of weights")
        }
        return RecordSealer(
            slab: slab, envelope: form.envelope, compression: form.compression, metadata: metadataRoom)
    }

    private static func metadata(of round: OpenRound, _ positions: [Int32: Int64]) -> [String: JSONValue] {
        let clients = round.contributions.map { ($0.clientID, JSONValue.string($0.messageID)) }
        let offsets = positions.map { (String($0), JSONValue.integer($1)) }
        return [
            counted: .object(Dictionary(clients) { $1 }),
            logPositions: .object(Dictionary(offsets) { $1 }),
        ]
    }

    /// From where the aggregator that published this result would have had to read on; nothing in results of others.
    static func positions(in message: Message) -> [Int32: Int64] {
        var positions: [Int32: Int64] = [:]
        for (partition, offset) in message.metadata[logPositions]?.objectValue ?? [:] {
            guard let partition = Int32(partition), let offset = offset.integerValue, offset >= 0 else { continue }
            positions[partition] = offset
        }
        return positions
    }
}
