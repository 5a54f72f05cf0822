internal import Base64
internal import Bytes
internal import Digests

/// The payload as it is stored: hashed and, for the JSON envelope, encoded while it goes into the slab.
struct StoredPayload: ~Copyable {
    /// Few enough to be still in the cache when they are encoded after they were hashed.
    private static let step = 48 << 10

    private(set) var slab: Slab
    let room: RecordRoom
    /// Stored bytes so far.
    private(set) var count = 0
    /// Where in the slab the next character or byte goes.
    private(set) var end: Int
    private var digest = SHA256()
    private var carry: [UInt8] = []

    init(slab: Slab, room: RecordRoom) {
        self.slab = slab
        self.room = room
        end = room.head
        carry.reserveCapacity(3)
    }

    /// Whether so many stored bytes more fit.
    func fits(_ more: Int) -> Bool {
        // Nothing that fits makes these sums overflow.
        guard more <= slab.capacity else { return false }
        return room.head + room.encoded(count + more) + room.tail <= slab.capacity
    }

    mutating func move(to larger: Slab) {
        precondition(larger.capacity >= end, "the slab is smaller than what is there")
        (larger.base + room.head).copyMemory(from: slab.base + room.head, byteCount: end - room.head)
        slab = larger
    }

    /// Takes bytes that fit.
    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(Self.step))
            digest.update(piece)
            if room.envelope == .json {
                encode(piece)
            } else {
                UnsafeMutableRawBufferPointer(rebasing: slab.bytes[end...]).copyMemory(from: piece)
                end += piece.count
            }
            count += piece.count
            rest = rest.dropFirst(piece.count)
        }
    }

    /// Ends the payload and gives its digest.
    mutating func finish() -> [UInt8] {
        if !carry.isEmpty {
            put(Base64.tail(carry))
            carry.removeAll()
        }
        return takeDigest().finalize()
    }

    /// The digest of what is there, to be gone on with elsewhere.
    mutating func takeDigest() -> SHA256 {
        var whole = SHA256()
        swap(&whole, &digest)
        return whole
    }

    /// Makes the payload raw again, where it lies, and says where that is; nothing can be appended after it.
    mutating func rawRange() throws(EnvelopeFailure) -> Range<Int> {
        guard room.envelope == .json else { return room.head..<end }
        let text = UnsafeRawBufferPointer(rebasing: slab.bytes[room.head..<end])
        do {
            end = room.head + (try Base64.decode(text, to: slab.base + room.head))
        } catch {
            throw EnvelopeFailure("payload", error.reason, at: error.offset)
        }
        put(carry)
        carry.removeAll()
        return room.head..<end
    }

    /// Whole groups of three go out; up to two bytes wait for those that follow.
    private mutating func encode(_ piece: UnsafeRawBufferPointer) {
        var rest = piece[...]
        while !carry.isEmpty, let byte = rest.popFirst() {
            carry.append(byte)
            if carry.count == 3 {
                let target = slab.base + end
                carry.withUnsafeBytes { Base64.encode($0, to: target) }
                end += 4
                carry.removeAll(keepingCapacity: true)
            }
        }
        let whole = rest.count / 3 * 3
        Base64.encode(UnsafeRawBufferPointer(rebasing: rest.prefix(whole)), to: slab.base + end)
        end += whole / 3 * 4
        carry.append(contentsOf: rest.dropFirst(whole))
    }

    private mutating func put(_ bytes: [UInt8]) {
        UnsafeMutableRawBufferPointer(rebasing: slab.bytes[end...]).copyBytes(from: bytes)
        end += bytes.count
    }
}
