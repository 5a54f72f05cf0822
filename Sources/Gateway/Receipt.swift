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

    /// The answer's body: written straight, since every small upload pays for it.
    func json(at position: Position) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(512)
        text.append(contentsOf: #"{"message_id":"#.utf8)
        JSONValue.append(message.messageID, to: &text)
        text.append(contentsOf: #","round_number":\#(message.roundNumber),"client_id":"#.utf8)
        JSONValue.append(message.senderID, to: &text)
        text.append(contentsOf: #","topic":"#.utf8)
        JSONValue.append(position.topic, to: &text)
        let place = #","partition":\#(position.partition),"offset":\#(position.offset)"#
        let counts = #","arrays":\#(arrays),"parameters":\#(parameters)"#
        let sizes = #","original_size":\#(originalSize),"stored_size":\#(storedSize)"#
        let form = #","checksum":"\#(summary.checksum)","compression":"\#(compression.rawValue)","filter":"none"}"#
        for part in [place, counts, sizes, form] { text.append(contentsOf: part.utf8) }
        text.append(UInt8(ascii: "\n"))
        return text
    }
}
