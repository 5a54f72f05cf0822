internal import EventLog
internal import WireJSON

/// What the gateway knows of a round's result; the bytes lie in the file beside its sidecar.
struct StoredResult: Sendable, Hashable {
    let round: Int64
    let messageID: String
    /// Where its record stands on the log; the spool continues behind the largest that is synced.
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
    /// It is answered, but has no sidecar yet; a restart has to read it from the log again.
    var isUnsynced = false

    /// Coded copies that lie beside it.
    var copies: [ContentCoding: Copy] = [:] { didSet { represent() } }
    /// Copies in other weight formats that lie beside it, by the format's name.
    var forms: [String: Copy] = [:] { didSet { represent() } }
    /// Codings in which it is hardly smaller.
    var incompressible: Set<ContentCoding> = []

    /// A copy, coded or in another format.
    struct Copy: Sendable, Hashable {
        /// SHA-256 of its bytes, lowercase hex.
        let digest: String
        let size: Int

        var json: JSONValue { .object(["digest": .string(digest), "size": .integer(Int64(size))]) }
    }

    /// All forms in which it can be sent; kept, since every request looks at them.
    private(set) var representations = Representations([])

    /// A result without copies.
    init(
        round: Int64, messageID: String, position: Position, digest: String, size: Int, counted: [String: String],
        logPositions: [Int32: Int64], timestamp: Double
    ) {
        self.round = round
        self.messageID = messageID
        self.position = position
        self.digest = digest
        self.size = size
        self.counted = counted
        self.logPositions = logPositions
        self.timestamp = timestamp
        represent()
    }

    private mutating func represent() {
        representations = Representations(
            [Representation(coding: nil, digest: digest, size: size)]
                + copies.map { Representation(coding: $0, digest: $1.digest, size: $1.size) }
                + forms.map { Representation(format: $0, coding: nil, digest: $1.digest, size: $1.size) })
    }

    /// Bytes on disk.
    var storedBytes: Int { copies.values.reduce(size) { $0 + $1.size } + forms.values.reduce(0) { $0 + $1.size } }
}

extension StoredResult {
    var json: JSONValue {
        .object([
            "round": .integer(round), "message_id": .string(messageID), "topic": .string(position.topic),
            "partition": .integer(Int64(position.partition)), "offset": .integer(position.offset),
            "digest": .string(digest), "size": .integer(Int64(size)), "timestamp": .number(timestamp),
            "counted": .object(counted.mapValues { .string($0) }),
            "expired": .bool(isExpired),
            "copies": .object(Dictionary(copies.map { ($0.rawValue, $1.json) }) { $1 }),
            "forms": .object(forms.mapValues(\.json)),
            "incompressible": .array(incompressible.map(\.rawValue).sorted().map { .string($0) }),
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
            let timestamp = members["timestamp"]?.doubleValue
        else { return nil }
        self.round = round
        self.messageID = messageID
        position = Position(topic: topic, partition: partition, offset: offset)
        self.digest = digest
        self.size = size
        self.timestamp = timestamp
        defer { represent() }
        isExpired = members["expired"] == .bool(true)
        for (name, copy) in Self.copies(members["copies"]) {
            if let coding = ContentCoding(rawValue: name) { copies[coding] = copy }
        }
        forms = Self.copies(members["forms"])
        if case .array(let names)? = members["incompressible"] {
            incompressible = Set(names.compactMap { $0.stringValue.flatMap(ContentCoding.init) })
        }
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

    private static func copies(_ value: JSONValue?) -> [String: Copy] {
        (value?.objectValue ?? [:]).compactMapValues { copy in
            guard let copy = copy.objectValue, let digest = copy["digest"]?.stringValue,
                let size = copy["size"]?.integerValue.flatMap({ Int(exactly: $0) })
            else { return nil }
            return Copy(digest: digest, size: size)
        }
    }
}
