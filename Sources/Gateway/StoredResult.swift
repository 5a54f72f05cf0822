internal import Base64
internal import Digests
internal import EventLog
internal import WireJSON

/// What the gateway knows of a round's result; the bytes lie in the file beside its sidecar.
struct StoredResult: Sendable, Hashable {
    let round: Int64
    let messageID: String
    /// Where its record stands on the log; the spool continues behind the largest of them.
    let position: Position
    /// SHA-256 of the file, lowercase hex; in quotes it is the strong ETag.
    let digest: String
    let size: Int
    /// Client id → message id of the updates that made it.
    let counted: [String: String]
    /// From where open rounds have their updates, as the aggregator said, by partition.
    let logPositions: [Int32: Int64]
    let timestamp: Double
    /// Its bytes are not kept any more.
    var isExpired = false

    var etag: String { "\"\(digest)\"" }

    /// The digest as a field of RFC 9530.
    var digestField: String { "sha-256=:\(Base64.text(Hex.decode(digest) ?? [])):" }
}

extension StoredResult {
    var json: JSONValue {
        .object([
            "round": .integer(round), "message_id": .string(messageID), "topic": .string(position.topic),
            "partition": .integer(Int64(position.partition)), "offset": .integer(position.offset),
            "digest": .string(digest), "size": .integer(Int64(size)), "timestamp": .number(timestamp),
            "counted": .object(counted.mapValues { .string($0) }),
            "expired": .bool(isExpired),
            "log_positions": .object(
                Dictionary(logPositions.map { (String($0), .integer($1)) }) { $1 }),
        ])
    }

    /// Nil when the sidecar is not one that this version writes.
    init?(_ json: JSONValue) {
        guard let members = json.objectValue, let round = members["round"]?.integerValue,
            let messageID = members["message_id"]?.stringValue, let topic = members["topic"]?.stringValue,
            let partition = members["partition"]?.integerValue.flatMap({ Int32(exactly: $0) }),
            let offset = members["offset"]?.integerValue, let digest = members["digest"]?.stringValue,
            let size = members["size"]?.integerValue.flatMap({ Int(exactly: $0) }),
            let timestamp = members["timestamp"].flatMap(Self.number)
        else { return nil }
        self.round = round
        self.messageID = messageID
        position = Position(topic: topic, partition: partition, offset: offset)
        self.digest = digest
        self.size = size
        self.timestamp = timestamp
        isExpired = members["expired"] == .bool(true)
        counted = Self.counted(members)
        logPositions = Self.positions(members)
    }

    /// The `counted` of a result's metadata; empty when it bears none.
    static func counted(_ metadata: [String: JSONValue]) -> [String: String] {
        (metadata["counted"]?.objectValue ?? [:]).compactMapValues(\.stringValue)
    }

    /// The `log_positions` of a result's metadata; empty when it bears none.
    static func positions(_ metadata: [String: JSONValue]) -> [Int32: Int64] {
        var positions: [Int32: Int64] = [:]
        for (partition, offset) in metadata["log_positions"]?.objectValue ?? [:] {
            guard let partition = Int32(partition), let offset = offset.integerValue, offset >= 0 else { continue }
            positions[partition] = offset
        }
        return positions
    }

    private static func number(_ value: JSONValue) -> Double? {
        switch value {
        case .integer(let number): Double(number)
        case .number(let number): number
        default: nil
        }
    }
}
