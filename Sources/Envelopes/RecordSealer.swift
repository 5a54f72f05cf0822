public import Bytes
public import Compression
internal import Digests

/// Takes a payload in pieces and makes of it one record, in one slab, with one copy.
///
/// The payload goes to a fixed place in the slab; what stands before it in the record is written once it is known, right
/// up to there, so that nothing moves.
///
/// Thread: one at a time.
public struct RecordSealer: ~Copyable {
    var stored: StoredPayload
    let compression: CompressionPolicy
    var original = 0
    var bodyDigest: SHA256?
    /// Nil without compression.
    let compressor: PayloadCompressor?

    /// Bytes of a slab that surely suffice.
    ///
    /// - Parameters:
    ///   - bytes: of the payload, before compression.
    ///   - envelope: of the record.
    ///   - compression: of the payload.
    ///   - metadata: bytes of the message's metadata as JSON.
    public static func capacity(
        forPayload bytes: Int, envelope: EnvelopeKind, compression: CompressionPolicy, metadata: Int = 16 << 10
    ) -> Int {
        let room = RecordRoom(envelope, metadata: metadata)
        // What is too much for an `Int` is too much for any slab.
        guard bytes < Int.max / 4 else { return .max }
        let held = min(bytes, PayloadCompressor.heldBack(compression))
        let stored = compression.isNone ? bytes : PayloadCompressor.bound(bytes + held) ?? .max
        return room.head + room.encoded(stored) + room.tail
    }

    /// Bytes of the largest payload whose record surely fits a topic.
    ///
    /// - Parameters:
    ///   - recordBytes: that the topic admits.
    ///   - envelope: of the record.
    ///   - compression: of the payload.
    ///   - metadata: bytes of the message's metadata as JSON.
    public static func largestPayload(
        inRecord recordBytes: Int, envelope: EnvelopeKind, compression: CompressionPolicy, metadata: Int = 16 << 10
    ) -> Int {
        // The metadata stands in the message and in the package's head, there as base64 under JSON.
        let room = max(0, recordBytes - ChunkRecord.overhead - 4 * metadata)
        let stored = envelope == .json ? room / 4 * 3 : room
        // What cannot be shrunk grows by a 128th at most.
        return compression.isNone ? stored : stored / 129 * 128
    }

    /// A sealer for one record.
    ///
    /// - Parameters:
    ///   - slab: of the capacity that `capacity` gives for no bytes, at least.
    ///   - envelope: of the record.
    ///   - compression: of the payload.
    ///   - metadata: bytes of the message's metadata as JSON, as in `capacity`.
    public init(slab: Slab, envelope: EnvelopeKind, compression: CompressionPolicy, metadata: Int = 16 << 10) {
        stored = StoredPayload(slab: slab, room: RecordRoom(envelope, metadata: metadata))
        self.compression = compression
        if compression.isNone {
            compressor = nil
            bodyDigest = nil
        } else {
            compressor = PayloadCompressor(compression)
            bodyDigest = SHA256()
        }
    }

    /// Whether another `count` payload bytes surely fit.
    ///
    /// - Parameter count: bytes.
    public func fits(_ count: Int) -> Bool {
        guard !compression.isNone else { return stored.fits(count) }
        guard count < Int.max / 4,
            let bound = PayloadCompressor.bound(min(original, PayloadCompressor.heldBack(compression)) + count)
        else {
            return false
        }
        return stored.fits(bound)
    }

    /// Goes on in another slab.
    ///
    /// - Parameter larger: at least as large as the one before; what is there is copied.
    public mutating func move(to larger: Slab) { stored.move(to: larger) }

    /// Says what the next bytes hold, for a compression that looks at it.
    ///
    /// - Parameters:
    ///   - content: of the whole payload.
    ///   - extents: where dense arrays lie, counted from the payload's start; none begins before what was written.
    public func note(_ content: CompressionChoice.Content, _ extents: [PlaneExtent]) {
        compressor?.note(content, extents)
    }

    /// Takes the next bytes of the payload, which must fit.
    ///
    /// - Parameter piece: any number of bytes for which `fits` holds.
    /// - Throws: `EnvelopeFailure` when the compressor fails.
    public mutating func write(_ piece: UnsafeRawBufferPointer) throws(EnvelopeFailure) {
        precondition(fits(piece.count), "the slab is too small for the piece")
        original += piece.count
        if !compression.isNone {
            bodyDigest?.update(piece)
            try compress(piece, ending: false)
        } else {
            stored.append(piece)
        }
    }

    /// Compresses bytes into the slab, or what is left when the payload ends.
    mutating func compress(_ piece: UnsafeRawBufferPointer, ending: Bool) throws(EnvelopeFailure) {
        guard let compressor else { return }
        do {
            if ending {
                try compressor.finish { stored.append($0) }
            } else {
                try compressor.write(piece) { stored.append($0) }
            }
        } catch { throw EnvelopeFailure("payload", String(describing: error)) }
    }

    /// How the payload was compressed in the end.
    var choice: CompressionChoice { compressor?.choice ?? .none }
}
