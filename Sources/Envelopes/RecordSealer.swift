public import Bytes
internal import Digests
public import EventLog

/// A message that is ready for the log.
public struct SealedRecord: Sendable {
    /// What is appended.
    public let record: Record
    /// What it says.
    public let message: Message
    /// What is known of its payload.
    public let summary: PayloadSummary
    /// Bytes of the whole package, head and payload.
    public let packageSize: Int
}

/// Takes a payload in pieces and makes of it one record in one slab, with one copy.
///
/// The payload is written behind room for what comes before it. That is written last, right-aligned, so that nothing
/// moves. Under the JSON envelope the payload becomes base64 while it is copied: the package's head is padded with
/// blanks to a multiple of three bytes, so that the text of head and payload is the text of the one behind the other.
///
/// Thread: one at a time.
public struct RecordSealer: ~Copyable {
    private var slab: Slab
    private let envelope: EnvelopeKind
    private let compression: Compression
    private let headRoom: Int
    private var bodyHash = SHA256()
    /// Nil when the payload is stored as it is: then one hash is both.
    private var storedHash: SHA256?
    private let zstd: ZstdCompressor?
    private var originalSize = 0
    private var storedSize = 0
    /// Bytes behind the head room.
    private var written = 0
    /// One or two bytes that wait for a group of three.
    private var carry: [UInt8] = []

    /// Bytes of a slab that surely suffices.
    ///
    /// - Parameters:
    ///   - bytes: of the payload before compression.
    ///   - envelope: around it.
    ///   - compression: of it.
    ///   - headRoom: for the head and the message before the payload, and once more behind it.
    public static func capacity(
        forPayload bytes: Int, envelope: EnvelopeKind, compression: Compression, headRoom: Int
    ) -> Int {
        // A length from outside may be anything; what is too large here is refused by the pool.
        let payload = min(bytes, Int.max / 4)
        let stored = compression == .none ? payload : ZstdCompressor.bound(payload)
        return envelope == .binary ? headRoom + stored : 2 * headRoom + Base64.encodedCount(stored)
    }

    /// A sealer without payload.
    ///
    /// - Parameters:
    ///   - slab: `capacity` bytes or more.
    ///   - envelope: around the message.
    ///   - compression: of the payload.
    ///   - headRoom: the same as for `capacity`.
    public init(slab: Slab, envelope: EnvelopeKind, compression: Compression, headRoom: Int) throws(EnvelopeFailure) {
        self.slab = slab
        self.envelope = envelope
        self.compression = compression
        self.headRoom = headRoom
        zstd = compression == .zstd ? try ZstdCompressor() : nil
        storedHash = compression == .zstd ? SHA256() : nil
    }

    /// Whether so many more bytes surely fit.
    ///
    /// - Parameter count: of the payload before compression.
    public func fits(_ count: Int) -> Bool {
        Self.capacity(
            forPayload: originalSize + count, envelope: envelope, compression: compression, headRoom: headRoom)
            <= slab.capacity
    }

    /// Goes on in a larger slab.
    ///
    /// - Parameter larger: gets what is there so far.
    public mutating func move(to larger: Slab) {
        (larger.base + headRoom).copyMemory(from: slab.base + headRoom, byteCount: written)
        slab = larger
    }

    /// Takes the next bytes of the payload, which fit.
    ///
    /// - Parameter piece: any number of bytes.
    public mutating func write(_ piece: UnsafeRawBufferPointer) throws(EnvelopeFailure) {
        precondition(fits(piece.count), "a piece that does not fit")
        originalSize += piece.count
        bodyHash.update(piece)
        guard let zstd else { return store(piece) }
        try compress(zstd, piece, isLast: false)
    }

    private mutating func compress(
        _ zstd: ZstdCompressor, _ piece: UnsafeRawBufferPointer, isLast: Bool
    ) throws(EnvelopeFailure) {
        try zstd.write(piece, isLast: isLast) { output in
            storedHash?.update(output)
            store(output)
        }
    }

    private mutating func store(_ bytes: UnsafeRawBufferPointer) {
        storedSize += bytes.count
        let end = slab.base + headRoom + written
        guard envelope == .json else {
            if let base = bytes.baseAddress { end.copyMemory(from: base, byteCount: bytes.count) }
            written += bytes.count
            return
        }
        encode(bytes)
    }

    private mutating func encode(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes[...]
        if !carry.isEmpty {
            while carry.count < 3, let byte = rest.popFirst() { carry.append(byte) }
            guard carry.count == 3 else { return }
            carry.withUnsafeBytes { Base64.encode($0, to: slab.base + headRoom + written) }
            written += 4
            carry.removeAll(keepingCapacity: true)
        }
        let whole = rest.count / 3 * 3
        Base64.encode(UnsafeRawBufferPointer(rebasing: rest.prefix(whole)), to: slab.base + headRoom + written)
        written += whole / 3 * 4
        carry.append(contentsOf: rest.dropFirst(whole))
    }

    /// Finishes the record.
    ///
    /// - Parameters:
    ///   - format: the weight format's name.
    ///   - dataType: what the payload is.
    ///   - modelVersion: whatever the client calls its model.
    ///   - extraHeaders: of the record.
    ///   - describe: makes the message once the payload is known.
    /// - Throws: `EnvelopeFailure` when the metadata is larger than the room for it.
    public consuming func seal(
        format: String, dataType: DataType, modelVersion: String?, extraHeaders: [RecordHeader],
        _ describe: (PayloadSummary) -> Message
    ) throws(EnvelopeFailure) -> SealedRecord {
        if let zstd { try compress(zstd, UnsafeRawBufferPointer(start: nil, count: 0), isLast: true) }
        if !carry.isEmpty {
            Base64.encodeTail(carry, to: slab.base + headRoom + written)
            written += 4
        }
        let body = Hex.encode(bodyHash.finalize())
        let stored = storedHash.take()
        let checksum: String = if let stored { Hex.encode(stored.finalize()) } else { body }
        let summary = PayloadSummary(
            bodyDigest: body, originalSize: originalSize, storedSize: storedSize, checksum: checksum)
        let message = describe(summary)
        let content = PayloadContent(format: format, dataType: dataType, modelVersion: modelVersion)
        let head = try PackageHeader(summary, message, content, compression).head(multiple: envelope == .json ? 3 : 1)
        let layout = Layout(slab: slab, payload: headRoom..<headRoom + written)
        let sealed =
            switch envelope {
            case .binary: try BinaryEnvelope.seal(message, head, layout, extraHeaders)
            case .json: try JSONEnvelope.seal(message, head, layout, extraHeaders)
            }
        return SealedRecord(
            record: sealed, message: message, summary: summary, packageSize: head.count + summary.storedSize)
    }
}

/// Where in a slab a payload lies, with room before and behind it.
struct Layout {
    let slab: Slab
    let payload: Range<Int>

    /// Puts bytes right before and right behind the payload.
    func framed(by before: [UInt8], and after: [UInt8]) throws(EnvelopeFailure) -> Range<Int> {
        guard before.count <= payload.lowerBound, after.count <= slab.capacity - payload.upperBound else {
            throw EnvelopeFailure(
                field: "metadata",
                reason: "\(before.count + after.count) bytes around the payload are more than the record has room for")
        }
        let range = payload.lowerBound - before.count..<payload.upperBound + after.count
        UnsafeMutableRawBufferPointer(rebasing: slab.bytes[range.lowerBound..<payload.lowerBound]).copyBytes(
            from: before)
        UnsafeMutableRawBufferPointer(rebasing: slab.bytes[payload.upperBound..<range.upperBound]).copyBytes(
            from: after)
        return range
    }
}
