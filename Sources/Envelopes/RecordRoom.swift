internal import Base64

/// Where in a slab the parts of a record lie: the payload from `head` on, what goes before it right-aligned up to there,
/// what goes behind it in the last `tail` bytes at most.
struct RecordRoom {
    /// Bytes kept for all fields but the metadata.
    private static let fields = 4096

    let envelope: EnvelopeKind
    let head: Int
    let tail: Int

    /// - Parameters:
    ///   - envelope: JSON holds the metadata twice, in the package's head (as base64) and behind the payload.
    ///   - metadata: bytes of the metadata's JSON.
    init(_ envelope: EnvelopeKind, metadata: Int) {
        self.envelope = envelope
        let head =
            switch envelope {
            case .binary: metadata + Self.fields
            case .json: Base64.encodedCount(metadata + Self.fields) + Self.fields
            }
        // A cache line's multiple: the payload is the part that is copied.
        self.head = (head + 63) / 64 * 64
        tail = envelope == .json ? metadata + Self.fields : 0
    }

    /// Bytes that so many stored bytes take in the slab.
    func encoded(_ stored: Int) -> Int { envelope == .json ? Base64.encodedCount(stored) : stored }
}
