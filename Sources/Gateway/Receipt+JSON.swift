internal import Compression
internal import Envelopes
internal import EventLog
internal import WireJSON

extension Receipt {
    /// As it is kept beside an upload in parts; the text that clients get is `json`.
    var value: JSONValue? { try? JSONValue(parsing: json) }

    /// Nil when it is no receipt.
    init?(_ json: JSONValue) {
        guard let members = json.objectValue, let messageID = members["message_id"]?.stringValue,
            let round = members["round_number"]?.integerValue, let clientID = members["client_id"]?.stringValue,
            let topic = members["topic"]?.stringValue,
            let partition = members["partition"]?.integerValue.flatMap({ Int32(exactly: $0) }),
            let offset = members["offset"]?.integerValue, let arrays = members["arrays"]?.integerValue,
            let parameters = members["parameters"]?.integerValue,
            let original = members["original_size"]?.integerValue, let stored = members["stored_size"]?.integerValue,
            let checksum = members["checksum"]?.stringValue,
            let compression = members["compression"]?.stringValue.flatMap({ Codec(rawValue: $0) }),
            let ratio = members["compression_ratio"]?.doubleValue
        else { return nil }
        self.init(
            messageID: messageID, round: round, clientID: clientID,
            position: Position(topic: topic, partition: partition, offset: offset), arrays: arrays,
            parameters: parameters, originalSize: Int(clamping: original), storedSize: Int(clamping: stored),
            checksum: checksum, compression: compression,
            filter: members["filter"]?.stringValue.flatMap { StreamFilter(rawValue: $0) } ?? .none,
            compressionRatio: ratio)
    }
}
