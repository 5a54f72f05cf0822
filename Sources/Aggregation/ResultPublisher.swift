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

extension UnsafeRawBufferPointer {
    /// Whether other bytes lie within these.
    fileprivate func holds(_ piece: UnsafeRawBufferPointer) -> Bool {
        guard let start = piece.baseAddress, let base = baseAddress else { return false }
        return start >= base && start + piece.count <= base + count
    }
}

/// Makes a round's result of its spooled updates and puts it on the log.
///
/// Thread: one.
final class ResultPublisher {
    private static let counted = "counted"
    private static let logPositions = "log_positions"

    /// Chunks that are published together.
    private static let batch = 8

    private let pool: SlabPool
    private let form: ResultForm
    private let spool: ContributionSpool
    let maxRecordBytes: Int
    private let chunkSize: Int
    private let dropping = DroppingSink()

    init(
        _ pool: SlabPool, _ configuration: AggregatorConfiguration, _ spool: ContributionSpool, maxRecordBytes: Int
    ) {
        self.pool = pool
        self.spool = spool
        form = configuration.output
        self.maxRecordBytes = maxRecordBytes
        chunkSize = max(4096, min(configuration.chunkSize, maxRecordBytes - ChunkRecord.overhead))
    }

    /// Computes a round's mean and appends it, in chunks when it does not fit one record.
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
        progress: (Double) -> Void
    ) throws -> Position? {
        let name = "mean"
        let file = try spool.create(name)
        defer { try? spool.remove(name) }
        let size = round.arrays.reduce(0) { $0 + $1.byteCount }
        try file.resize(to: size)
        let mostlyZero = try MeanFile.compute(round.arrays, round.contributions, into: file) {
            progress(Double($0) / Double(size))
        }
        // The disk may need the room: whatever fails from here on begins again from the log.
        for contribution in round.contributions { try spool.remove(contribution.file) }
        let message = Message(
            messageID: MessageID.make(), type: .aggregationResult, senderID: "aggregator", timestamp: Timestamp.now(),
            roundNumber: round.number, metadata: Self.metadata(of: round, positions))
        // What the metadata needs stands before and behind the payload.
        let metadataRoom = (1 << 14) + 512 * round.count
        let largest = RecordSealer.largestPayload(
            inRecord: maxRecordBytes, envelope: form.envelope, compression: form.compression, metadata: metadataRoom)
        let headers = trace.map(RoundTrace.headers) ?? []
        let writer = FEDWT001Writer(
            arrays: round.arrays, metadata: [:], sparse: form.sparse, mostlyZero: mostlyZero)
        let record = try file.withMapping { means in
            let arrays = Self.cut(means, round.arrays)
            guard writer.maximumSize > largest else {
                return try seal(arrays, by: writer, as: message, metadataRoom, headers)
            }
            return try sealInChunks(arrays, in: means, by: writer, as: message, metadataRoom, headers, in: term)
        }
        return try term.publish([(TopicName.results, record)]).first
    }

    private static func cut(_ means: UnsafeRawBufferPointer, _ arrays: [ArraySpec]) -> [UnsafeRawBufferPointer] {
        var start = 0
        return arrays.map { array in
            defer { start += array.byteCount }
            return UnsafeRawBufferPointer(rebasing: means[start..<start + array.byteCount])
        }
    }

    private func seal(
        _ arrays: [UnsafeRawBufferPointer], by writer: FEDWT001Writer, as message: Message, _ metadataRoom: Int,
        _ headers: [RecordHeader]
    ) throws -> Record {
        var sealer = try sealer(forPayload: writer.maximumSize, metadataRoom)
        let heads = FEDWT001Decoder(limits: DecodeLimits(decodedBytes: .max))
        try writer.write {
            arrays[$0]
        } to: { piece in
            // Where arrays lie, for a filter.
            try heads.feed(piece, to: dropping)
            sealer.note(.arrays, heads.takeExtents())
            try sealer.write(piece)
        }
        return try sealer.seal(
            format: "binary_custom", dataType: .aggregationResult, modelVersion: nil, extraHeaders: headers
        ) { _ in message }.record
    }

    /// Publishes the chunks, and gives the commit record: without it they do not exist.
    private func sealInChunks(
        _ arrays: [UnsafeRawBufferPointer], in means: UnsafeRawBufferPointer, by writer: FEDWT001Writer,
        as message: Message, _ metadataRoom: Int, _ headers: [RecordHeader], in term: any Term
    ) throws -> Record {
        var sealer = ChunkSealer(
            messageID: message.messageID, key: Array(String(message.roundNumber).utf8), chunkSize: chunkSize,
            compression: form.compression)
        let heads = FEDWT001Decoder(limits: DecodeLimits(decodedBytes: .max))
        var batch: [(topic: String, record: Record)] = []
        func flush(leaving most: Int) throws {
            guard batch.count > most else { return }
            _ = try term.publish(batch)
            batch = []
        }
        try writer.write { index in
            // A sparse one was only looked through.
            if index > 0 { File.release(arrays[index - 1]) }
            return arrays[index]
        } to: { bytes in
            for start in stride(from: 0, to: bytes.count, by: chunkSize) {
                let piece = UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + chunkSize, bytes.count)])
                try supply(&sealer, for: piece.count)
                try heads.feed(piece, to: dropping)
                sealer.note(.arrays, heads.takeExtents())
                try sealer.write(piece) { batch.append((TopicName.results, $0)) }
                if means.holds(piece) { File.release(piece) }
                try flush(leaving: Self.batch - 1)
            }
        }
        try supply(&sealer, for: 0)
        let payload = try sealer.finish { batch.append((TopicName.results, $0)) }
        try flush(leaving: 0)
        return try self.sealer(forPayload: 0, metadataRoom).commit(
            payload, format: "binary_custom", dataType: .aggregationResult, modelVersion: nil, extraHeaders: headers
        ) { _ in message }.record
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
