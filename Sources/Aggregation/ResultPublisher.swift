internal import Bytes
public import Envelopes
internal import EventLog
internal import Files
internal import Telemetry
internal import WeightFormats
internal import Weights
internal import WireJSON
internal import WireTime

/// How results are written to the log.
public struct ResultForm: Sendable, Hashable {
    /// The envelope around them.
    public var envelope: EnvelopeKind
    /// The compression inside their packages.
    public var compression: Compression

    /// A form.
    ///
    /// - Parameters:
    ///   - envelope: around them.
    ///   - compression: inside their packages.
    public init(envelope: EnvelopeKind, compression: Compression) {
        self.envelope = envelope
        self.compression = compression
    }
}

/// Makes the record of a round's result from its spooled updates.
///
/// Thread: one.
final class ResultPublisher {
    private static let counted = "counted"
    private static let logPositions = "log_positions"

    private let pool: SlabPool
    private let form: ResultForm
    private let spool: ContributionSpool

    init(_ pool: SlabPool, _ form: ResultForm, _ spool: ContributionSpool) {
        self.pool = pool
        self.form = form
        self.spool = spool
    }

    /// - Parameters:
    ///   - round: with at least one update.
    ///   - positions: from where a later aggregator has to read updates, by partition.
    /// - Throws: `EnvelopeFailure` when the result does not fit a record.
    func record(for round: OpenRound, positions: [Int32: Int64]) throws -> Record {
        let name = "mean"
        let file = try spool.create(name)
        defer { try? spool.remove(name) }
        try file.resize(to: round.arrays.reduce(0) { $0 + $1.byteCount })
        try MeanFile.compute(round.arrays, round.contributions, in: spool, into: file)
        let message = Message(
            messageID: MessageID.make(), type: .aggregationResult, senderID: "aggregator", timestamp: Timestamp.now(),
            roundNumber: round.number, metadata: Self.metadata(of: round, positions))
        return try file.withMapping { means in try seal(means, of: round, as: message) }
    }

    private func seal(_ means: UnsafeRawBufferPointer, of round: OpenRound, as message: Message) throws -> Record {
        let writer = FEDWT001Writer(arrays: round.arrays, metadata: [:])
        // What the metadata needs stands before and behind the payload.
        let metadataRoom = (1 << 14) + 512 * round.count
        let capacity = RecordSealer.capacity(
            forPayload: writer.maximumSize, envelope: form.envelope, compression: form.compression,
            metadata: metadataRoom)
        guard let slab = pool.acquire(capacity) else {
            throw EnvelopeFailure("payload", "\(writer.maximumSize) bytes of weights do not fit a record")
        }
        var sealer = RecordSealer(
            slab: slab, envelope: form.envelope, compression: form.compression, metadata: metadataRoom)
        var starts = [0]
        for array in round.arrays { starts.append((starts.last ?? 0) + array.byteCount) }
        try writer.write {
            UnsafeRawBufferPointer(rebasing: means[starts[$0]..<starts[$0 + 1]])
        } to: {
            try sealer.write($0)
        }
        return try sealer.seal(
            format: "binary_custom", dataType: .aggregationResult, modelVersion: nil, extraHeaders: []
        ) { _ in message }.record
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
