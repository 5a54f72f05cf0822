public import Bytes
internal import Digests

/// Takes a payload in pieces and makes of it one record, in one slab, with one copy.
///
/// The payload goes to a fixed place in the slab; what stands before it in the record is written once it is known, right
/// up to there, so that nothing moves.
///
/// Thread: one at a time.
public struct RecordSealer: ~Copyable {
    var stored: StoredPayload
    let compression: Compression
    var original = 0
    var bodyDigest: SHA256?
    let zstd: ZstdLease?

    /// Bytes of a slab that surely suffice.
    ///
    /// - Parameters:
    ///   - bytes: of the payload, before compression.
    ///   - envelope: of the record.
    ///   - compression: of the payload.
    ///   - metadata: bytes of the message's metadata as JSON.
    public static func capacity(
        forPayload bytes: Int, envelope: EnvelopeKind, compression: Compression, metadata: Int = 16 << 10
    ) -> Int {
        let room = RecordRoom(envelope, metadata: metadata)
        // What is too much for an `Int` is too much for any slab.
        guard bytes < Int.max / 4 else { return .max }
        let stored = compression == .zstd ? ZstdCompressor.bound(bytes + waiting) ?? .max : bytes
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
        inRecord recordBytes: Int, envelope: EnvelopeKind, compression: Compression, metadata: Int = 16 << 10
    ) -> Int {
        // The metadata stands in the message and in the package's head, there as base64 under JSON.
        let room = max(0, recordBytes - ChunkRecord.overhead - 4 * metadata)
        let stored = envelope == .json ? room / 4 * 3 : room
        // What zstd cannot shrink grows by a 128th at most.
        return compression == .zstd ? stored / 129 * 128 : stored
    }

    /// A sealer for one record.
    ///
    /// - Parameters:
    ///   - slab: of the capacity that `capacity` gives for no bytes, at least.
    ///   - envelope: of the record.
    ///   - compression: of the payload.
    ///   - metadata: bytes of the message's metadata as JSON, as in `capacity`.
    public init(slab: Slab, envelope: EnvelopeKind, compression: Compression, metadata: Int = 16 << 10) {
        stored = StoredPayload(slab: slab, room: RecordRoom(envelope, metadata: metadata))
        self.compression = compression
        if compression == .zstd {
            zstd = ZstdLease()
            bodyDigest = SHA256()
        } else {
            zstd = nil
            bodyDigest = nil
        }
    }

    /// Input that a compressor may hold back: more than a block.
    static let waiting = 256 << 10

    /// Whether another `count` payload bytes surely fit.
    ///
    /// - Parameter count: bytes.
    public func fits(_ count: Int) -> Bool {
        guard compression == .zstd else { return stored.fits(count) }
        guard count < Int.max / 4, let bound = ZstdCompressor.bound(min(original, Self.waiting) + count) else {
            return false
        }
        return stored.fits(bound)
    }

    /// Goes on in another slab.
    ///
    /// - Parameter larger: at least as large as the one before; what is there is copied.
    public mutating func move(to larger: Slab) { stored.move(to: larger) }

    /// Takes the next bytes of the payload, which must fit.
    ///
    /// - Parameter piece: any number of bytes for which `fits` holds.
    /// - Throws: `EnvelopeFailure` when the compressor fails.
    public mutating func write(_ piece: UnsafeRawBufferPointer) throws(EnvelopeFailure) {
        precondition(fits(piece.count), "the slab is too small for the piece")
        original += piece.count
        if compression == .zstd {
            bodyDigest?.update(piece)
            try compress(piece, ending: false)
        } else {
            stored.append(piece)
        }
    }

    /// Under the binary envelope the compressor writes to the slab itself, else to memory from which it is encoded.
    mutating func compress(_ piece: UnsafeRawBufferPointer, ending: Bool) throws(EnvelopeFailure) {
        guard let compressor = zstd?.compressor else { return }
        var rest = piece
        while true {
            let inPlace = stored.room.envelope == .binary
            let output = inPlace ? stored.free : compressor.scratch
            let (taken, given, done) = try compressor.step(rest, to: output, ending: ending)
            if inPlace {
                stored.appended(given)
            } else {
                stored.append(UnsafeRawBufferPointer(rebasing: compressor.scratch[..<given]))
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[taken...])
            // Output that does not fill its room was all there was.
            if ending ? done : rest.isEmpty && given < output.count { return }
            guard taken > 0 || given > 0 else { throw EnvelopeFailure("payload", "the slab is too small") }
        }
    }
}
