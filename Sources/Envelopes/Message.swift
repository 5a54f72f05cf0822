internal import Digests
public import WireJSON

/// A message of the protocol without its payload (the reference's `FederatedMessage`).
public struct Message: Sendable, Hashable {
    /// A repeated one counts once.
    public var messageID: String
    /// One of the seven.
    public var type: MessageType
    /// A client's id, `aggregator` or `gateway`.
    public var senderID: String
    /// Seconds since 1970, with a fraction.
    public var timestamp: Double
    /// 0 to 2^53 − 1.
    public var roundNumber: Int64
    /// `num_samples` and whatever else the sender says.
    public var metadata: [String: JSONValue]

    /// A message.
    ///
    /// - Parameters:
    ///   - messageID: unique.
    ///   - type: one of the seven.
    ///   - senderID: who sends it.
    ///   - timestamp: seconds since 1970.
    ///   - roundNumber: 0 to 2^53 − 1.
    ///   - metadata: anything that JSON holds.
    public init(
        messageID: String, type: MessageType, senderID: String, timestamp: Double, roundNumber: Int64,
        metadata: [String: JSONValue]
    ) {
        self.messageID = messageID
        self.type = type
        self.senderID = senderID
        self.timestamp = timestamp
        self.roundNumber = roundNumber
        self.metadata = metadata
    }

    /// The message's checksum: its own fields and the payload's head, which covers the rest (protocol.md, section 4).
    func checksum(head: UnsafeRawBufferPointer) -> String {
        // Swift prints a double as Python's repr does within the admitted times: the shortest text that round-trips.
        let fields = "\(messageID)\n\(type.rawValue)\n\(senderID)\n\(timestamp)\n\(roundNumber)\n"
        var digest = SHA256()
        Array(fields.utf8).withUnsafeBytes { digest.update($0) }
        digest.update(head)
        return Hex.encode(digest.finalize())
    }
}
