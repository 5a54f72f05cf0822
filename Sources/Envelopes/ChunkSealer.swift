public import Bytes
public import Compression
internal import Digests
public import EventLog

/// Cuts a payload into chunk records while it streams: hashed, compressed and copied once into slabs of a chunk's size.
///
/// Memory is given to it beforehand, so that nothing that it does can fail for want of it.
///
/// Thread: one at a time.
public struct ChunkSealer: ~Copyable {
    /// Of the message that the chunks belong to.
    public let messageID: String
    private let key: [UInt8]
    private let chunkSize: Int
    private let compression: CompressionPolicy
    private let compressor: PayloadCompressor?
    private var digest: SHA256
    private var bodyDigest: SHA256?
    private var spare: [Slab] = []
    private var current: Slab?
    private var filled = 0
    private var count = 0
    private var stored = 0
    private var original = 0

    /// A sealer at the start of a payload.
    ///
    /// - Parameters:
    ///   - messageID: of the message.
    ///   - key: of the message's record, so that all stand in one partition.
    ///   - chunkSize: bytes of a chunk.
    ///   - compression: of the payload.
    public init(messageID: String, key: [UInt8], chunkSize: Int, compression: CompressionPolicy) {
        self.messageID = messageID
        self.key = key
        self.chunkSize = chunkSize
        self.compression = compression
        digest = SHA256()
        compressor = compression.isNone ? nil : PayloadCompressor(compression)
        bodyDigest = compression.isNone ? nil : SHA256()
    }

    /// Goes on where a sealer for one record stands, whose payload turned out to be too large for it.
    ///
    /// - Parameters:
    ///   - begun: its payload so far becomes chunks, without a copy.
    ///   - messageID: of the message.
    ///   - key: of the message's record.
    ///   - chunkSize: bytes of a chunk.
    ///   - emit: takes the chunks.
    public init(
        continuing begun: consuming RecordSealer, messageID: String, key: [UInt8], chunkSize: Int,
        emit: (Record) -> Void
    ) throws(EnvelopeFailure) {
        self.messageID = messageID
        self.key = key
        self.chunkSize = chunkSize
        compression = begun.compression
        original = begun.original
        compressor = begun.compressor
        bodyDigest = begun.bodyDigest.take()
        let slab = begun.stored.slab
        let range = try begun.stored.rawRange()
        digest = begun.stored.takeDigest()
        for start in stride(from: range.lowerBound, to: range.upperBound, by: chunkSize) {
            send(slab, start..<min(start + chunkSize, range.upperBound), emit)
        }
    }

    /// Slabs of a chunk's size that have to be given before so many bytes are written, or before the end.
    ///
    /// - Parameter bytes: of the payload, before compression.
    public func slabsMissing(for bytes: Int) -> Int {
        var needed = bytes
        if !compression.isNone {
            let held = min(original, PayloadCompressor.heldBack(compression))
            needed = PayloadCompressor.bound(held + bytes) ?? .max
        }
        let room = (current == nil ? 0 : chunkSize - filled) + spare.count * chunkSize
        return needed <= room ? 0 : (needed - room - 1) / chunkSize + 1
    }

    /// Gives memory for a chunk.
    ///
    /// - Parameter slab: of a chunk's size at least.
    public mutating func give(_ slab: Slab) {
        precondition(slab.capacity >= chunkSize, "the slab is smaller than a chunk")
        spare.append(slab)
    }

    /// Gives all its memory back: what the last slab holds so far becomes a chunk that is shorter than the others.
    ///
    /// - Parameter emit: takes the chunk.
    public mutating func giveWay(emit: (Record) -> Void) {
        sendCurrent(emit)
        spare = []
    }

    /// Says what the next bytes hold, for a compression that looks at it.
    ///
    /// - Parameters:
    ///   - content: of the whole payload.
    ///   - extents: where dense arrays lie, counted from the payload's start; none begins before what was written.
    public func note(_ content: CompressionChoice.Content, _ extents: [PlaneExtent]) {
        compressor?.note(content, extents)
    }

    /// Takes the next bytes of the payload, for which no slab may be missing.
    ///
    /// - Parameters:
    ///   - piece: any number of bytes.
    ///   - emit: takes the chunks that are full.
    /// - Throws: `EnvelopeFailure` when the compressor fails.
    public mutating func write(_ piece: UnsafeRawBufferPointer, emit: (Record) -> Void) throws(EnvelopeFailure) {
        precondition(slabsMissing(for: piece.count) == 0, "there is no memory for the piece")
        original += piece.count
        guard !compression.isNone else { return append(piece, emit) }
        bodyDigest?.update(piece)
        try compress(piece, ending: false, emit)
    }

    /// Ends the payload.
    ///
    /// - Parameter emit: takes the last chunk.
    /// - Throws: `EnvelopeFailure` when the compressor fails.
    public consuming func finish(emit: (Record) -> Void) throws(EnvelopeFailure) -> ChunkedPayload {
        if !compression.isNone { try compress(UnsafeRawBufferPointer(start: nil, count: 0), ending: true, emit) }
        if filled > 0 { sendCurrent(emit) }
        let checksum = Hex.encode(digest.finalize())
        let body = bodyDigest.take()?.finalize()
        let choice = compressor?.choice ?? .none
        return ChunkedPayload(
            messageID: messageID,
            summary: PayloadSummary(
                bodyDigest: body.map { Hex.encode($0) } ?? checksum, originalSize: original, storedSize: stored,
                checksum: checksum, compression: choice.codec, filter: choice.filter),
            chunks: ChunkList(count: count, size: stored))
    }

    private mutating func compress(
        _ piece: UnsafeRawBufferPointer, ending: Bool, _ emit: (Record) -> Void
    ) throws(EnvelopeFailure) {
        guard let compressor else { return }
        do {
            if ending {
                try compressor.finish { append($0, emit) }
            } else {
                try compressor.write(piece) { append($0, emit) }
            }
        } catch { throw EnvelopeFailure("payload", String(describing: error)) }
    }

    private mutating func append(_ bytes: UnsafeRawBufferPointer, _ emit: (Record) -> Void) {
        digest.update(bytes)
        var rest = bytes[...]
        while !rest.isEmpty {
            let slab = current ?? spare.removeLast()
            current = slab
            let part = rest.prefix(chunkSize - filled)
            (slab.base + filled).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: part).baseAddress ?? UnsafeRawPointer(slab.base),
                byteCount: part.count)
            filled += part.count
            rest = rest.dropFirst(part.count)
            if filled == chunkSize { sendCurrent(emit) }
        }
    }

    private mutating func sendCurrent(_ emit: (Record) -> Void) {
        guard let slab = current.take() else { return }
        send(slab, 0..<filled, emit)
        filled = 0
    }

    private mutating func send(_ slab: Slab, _ range: Range<Int>, _ emit: (Record) -> Void) {
        emit(Record(key: key, headers: ChunkRecord.headers(messageID, count), slab: slab, range: range))
        stored += range.count
        count += 1
    }
}
