internal import Digests
internal import Envelopes
internal import WireJSON

/// The keys that the gateway puts into an update's metadata, from which every replica rebuilds receipts (protocol.md,
/// section 6).
enum UpdateMetadata {
    static let bodyDigest = "body_digest"
    static let bodySize = "body_size"
    static let idempotencyKey = "idempotency_key"
    static let arrays = "array_count"
    static let parameters = "parameter_count"

    /// What a client may not set itself; of a result, too.
    static let reserved: Set<String> = [
        bodyDigest, bodySize, idempotencyKey, arrays, parameters, "counted", "log_positions",
    ]

    /// What makes two uploads of a client the same one: the body and everything that the client said with it.
    ///
    /// - Returns: SHA-256, or nil when the message says nothing of its body, since no gateway wrote it.
    static func fingerprint(_ message: Message, modelVersion: String?, _ dataType: DataType) -> [UInt8]? {
        guard let digest = message.metadata[bodyDigest]?.stringValue else { return nil }
        var said = message.metadata.filter { !reserved.contains($0.key) }
        said[bodyDigest] = .string(digest)
        let whole: [JSONValue] = [
            .object(said), modelVersion.map { .string($0) } ?? .null, .string(dataType.rawValue),
        ]
        return (try? JSONValue.array(whole).encoded()).map { $0.withUnsafeBytes { SHA256.digest(of: $0) } }
    }
}
