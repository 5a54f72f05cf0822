internal import Compression
internal import Envelopes
internal import EventLog
internal import Weights
internal import WireJSON

/// What a client gets for an update that is stored (http-api.md, "Uploading").
///
/// All of it stands on the log, so that every gateway gives the same one.
struct Receipt: Sendable, Hashable {
    let messageID: String
    let round: Int64
    let clientID: String
    let position: Position
    let arrays: Int64
    let parameters: Int64
    /// Bytes of the body, decoded.
    let originalSize: Int
    /// Bytes of the package: its head and its payload, which may be in chunks.
    let storedSize: Int
    /// Of the package's payload.
    let checksum: String
    let compression: Codec
    let filter: StreamFilter
    /// What they gained: bytes of the body, decoded, for each byte of the payload as stored.
    let compressionRatio: Double
}

extension Receipt {
    /// The receipt of a record that was stored at a position.
    init(_ sealed: SealedRecord, at position: Position) {
        messageID = sealed.message.messageID
        round = sealed.message.roundNumber
        clientID = sealed.message.senderID
        self.position = position
        arrays = sealed.message.metadata[UpdateMetadata.arrays]?.integerValue ?? 0
        parameters = sealed.message.metadata[UpdateMetadata.parameters]?.integerValue ?? 0
        originalSize = sealed.summary.originalSize
        storedSize = sealed.packageSize
        checksum = sealed.summary.checksum
        compression = sealed.summary.compression
        filter = sealed.summary.filter
        compressionRatio = Self.ratio(sealed.summary.originalSize, sealed.summary.storedSize)
    }

    /// The receipt of a message as it is read from the log.
    init(_ opened: borrowing OpenedMessage, at position: Position) {
        let (message, package) = (opened.message, opened.package)
        messageID = message.messageID
        round = message.roundNumber
        clientID = message.senderID
        self.position = position
        arrays = message.metadata[UpdateMetadata.arrays]?.integerValue ?? 0
        parameters = message.metadata[UpdateMetadata.parameters]?.integerValue ?? 0
        originalSize = package.originalSize
        storedSize = opened.storedPackage.count + (package.chunks?.size ?? 0)
        checksum = package.checksum
        compression = package.compression
        filter = package.filter
        compressionRatio = Self.ratio(package.originalSize, package.compressedSize)
    }

    /// In thousandths.
    private static func ratio(_ original: Int, _ stored: Int) -> Double {
        (1000 * Double(original) / Double(max(1, stored))).rounded() / 1000
    }

    /// The answer's body: written straight, since every small upload pays for it.
    var json: [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(512)
        text.append(contentsOf: #"{"message_id":"#.utf8)
        JSONValue.append(messageID, to: &text)
        text.append(contentsOf: #","round_number":\#(round),"client_id":"#.utf8)
        JSONValue.append(clientID, to: &text)
        text.append(contentsOf: #","topic":"#.utf8)
        JSONValue.append(position.topic, to: &text)
        let place = #","partition":\#(position.partition),"offset":\#(position.offset)"#
        let counts = #","arrays":\#(arrays),"parameters":\#(parameters)"#
        let sizes = #","original_size":\#(originalSize),"stored_size":\#(storedSize)"#
        let form =
            #","checksum":"\#(checksum)","compression":"\#(compression.rawValue)","filter":"\#(filter.rawValue)""#
        let gain = #","compression_ratio":\#(compressionRatio)}"#
        for part in [place, counts, sizes, form, gain] { text.append(contentsOf: part.utf8) }
        text.append(UInt8(ascii: "\n"))
        return text
    }
}
