import Bytes
import Compression
import Digests
import Envelopes
import EventLog
import Testing
import WireJSON

let pool = SlabPool(limit: 256 << 20)

func slab(_ count: Int) throws -> Slab { try #require(pool.acquire(count)) }

let limits = MessageReader.Limits(maxStored: 64 << 20, maxDecoded: 64 << 20)

/// Bytes that compress badly but not at all evenly.
func bytes(_ count: Int) -> [UInt8] {
    var state: UInt64 = 0x9e37_79b9_7f4a_7c15
    return (0..<count).map { index in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return index % 1000 < 300 ? 0 : UInt8(truncatingIfNeeded: state >> 56)
    }
}

func message(
    type: MessageType = .weightUpdate, sender: String = "client \"ü\" 7", timestamp: Double = 1_700_000_000.123456,
    round: Int64 = 3, metadata: [String: JSONValue] = ["num_samples": .integer(20), "note": .string("é/\n")]
) -> Message {
    Message(
        messageID: MessageID.make(), type: type, senderID: sender, timestamp: timestamp, roundNumber: round,
        metadata: metadata)
}

/// One record of a payload given in pieces.
func seal(
    _ pieces: [[UInt8]], _ envelope: EnvelopeKind, _ compression: Codec, message: Message = message(),
    extraHeaders: [RecordHeader] = []
) throws -> SealedRecord {
    let total = pieces.reduce(0) { $0 + $1.count }
    let capacity = RecordSealer.capacity(forPayload: total, envelope: envelope, compression: .fixed(compression))
    var sealer = RecordSealer(slab: try slab(capacity), envelope: envelope, compression: .fixed(compression))
    for piece in pieces { try piece.withUnsafeBytes { try sealer.write($0) } }
    return try sealer.seal(
        format: "binary_custom", dataType: .modelWeights, modelVersion: "1.0", extraHeaders: extraHeaders
    ) { _ in message }
}

/// What is left of a message once it was read.
struct Opened: Equatable {
    var message: Message
    var package: PackageHeader
    var payload: [UInt8]
    var storedPackage: [UInt8]
}

func open(
    _ value: [UInt8], headers: [RecordHeader] = [], reader: MessageReader = MessageReader(limits: limits)
) throws -> Opened {
    try value.withUnsafeBytes { value in
        let record = StoredRecord(
            position: Position(topic: "t", partition: 0, offset: 0), timestamp: 0, key: nil, headers: headers,
            value: value)
        return try reader.read(record) { opened in
            Opened(
                message: opened.message, package: opened.package, payload: Array(opened.payload),
                storedPackage: Array(opened.storedPackage))
        }
    }
}

func open(_ sealed: SealedRecord, reader: MessageReader = MessageReader(limits: limits)) throws -> Opened {
    try open(Array(sealed.record.value), headers: sealed.record.headers, reader: reader)
}

func sha256(_ bytes: some Sequence<UInt8>) -> String {
    Hex.encode(Array(bytes).withUnsafeBytes { SHA256.digest(of: $0) })
}

/// The field that a refusal names.
func refusedField(_ body: () throws -> some Any) -> String? {
    let failure = #expect(throws: EnvelopeFailure.self) { _ = try body() }
    return failure?.field
}
