internal import Envelopes
internal import EventLog
internal import Weights
internal import WireJSON

/// What a client gets for an update that is stored (http-api.md, "Uploading").
struct Receipt: Sendable {
    let originalSize: Int
    private let message: Message
    private let summary: PayloadSummary
    private let storedSize: Int
    private let arrays: Int
    private let parameters: Int
    private let compression: Compression

    init(_ sealed: SealedRecord, arrays: [ArraySpec], compression: Compression) {
        message = sealed.message
        summary = sealed.summary
        originalSize = sealed.summary.originalSize
        storedSize = sealed.packageSize
        self.arrays = arrays.count
        parameters = arrays.reduce(0) { $0 &+ $1.count }
        self.compression = compression
    }

    func members(at position: Position) -> [String: JSONValue] {
        [
            "message_id": .string(message.messageID), "round_number": .integer(message.roundNumber),
            "client_id": .string(message.senderID), "topic": .string(position.topic),
            "partition": .integer(Int64(position.partition)), "offset": .integer(position.offset),
            "arrays": .integer(Int64(arrays)), "parameters": .integer(Int64(parameters)),
            "original_size": .integer(Int64(originalSize)), "stored_size": .integer(Int64(storedSize)),
            "checksum": .string(summary.checksum), "compression": .string(compression.rawValue),
            "filter": .string("none"),
        ]
    }
}
