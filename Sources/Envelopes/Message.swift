public import WireJSON

/// The fields of a message (the reference's `FederatedMessage`) but its payload and checksum.
public struct Message: Sendable, Hashable {
    /// A UUIDv7; readers take any identifier.
    public var messageID: String
    /// What it is about.
    public var type: MessageType
    /// Who sent it: an identifier.
    public var senderID: String
    /// Seconds since 1970, from 0 up to the year 10000.
    public var timestamp: Double
    /// From 0 to 2^53 − 1.
    public var roundNumber: Int64
    /// What the client said, and what the gateway adds.
    public var metadata: [String: JSONValue]

    /// A message.
    ///
    /// - Parameters:
    ///   - messageID: a UUIDv7.
    ///   - type: what it is about.
    ///   - senderID: an identifier.
    ///   - timestamp: seconds since 1970.
    ///   - roundNumber: from 0 to 2^53 − 1.
    ///   - metadata: any.
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
}

extension Message {
    /// Refuses values outside the protocol's ranges.
    ///
    /// - Parameter names: the envelope's names for the fields.
    func check(_ names: FieldNames = .message) throws(EnvelopeFailure) {
        guard Identifier.check(messageID) else { throw EnvelopeFailure(names.messageID, "is not an identifier") }
        guard Identifier.check(senderID) else { throw EnvelopeFailure(names.senderID, "is not an identifier") }
        guard Bounds.timestamp.contains(timestamp) else {
            throw EnvelopeFailure(names.timestamp, "\(timestamp) is not within 0 and the year 10000")
        }
        guard Bounds.round.contains(roundNumber) else {
            throw EnvelopeFailure(names.roundNumber, "\(roundNumber) is not within 0 and 2^53 - 1")
        }
    }
}

/// What an envelope calls the fields of a message, for what is said about them.
struct FieldNames {
    let messageID, senderID, timestamp, roundNumber: String

    static let message = FieldNames(
        messageID: "message_id", senderID: "sender_id", timestamp: "timestamp", roundNumber: "round_number")
    static let events = FieldNames(
        messageID: "ce_id", senderID: "ce_source", timestamp: "ce_timestamp", roundNumber: "ce_subject")
}

/// The ranges of the protocol's numbers.
enum Bounds {
    /// Up to the end of the year 9999, so that every time can be written as RFC 3339.
    static let timestamp: Range<Double> = 0..<253_402_300_800
    /// The integers that are exact in every JSON reader.
    static let round: ClosedRange<Int64> = 0...(1 << 53) - 1
    /// Bytes of JSON besides the payload that a reader parses, and of a package's header.
    static let header = 4 << 20
}
