/// The fields of proto/weight_message.proto, whose text is what a refusal calls them.
enum ProtobufField: String {
    case metadata, weights
    case layerID = "layer_id"
    case shape, dtype, data, name
    case key, value

    /// How the bytes behind a tag are laid out.
    enum WireType: UInt64 {
        case varint = 0
        case eightBytes = 1
        case lengthDelimited = 2
        case fourBytes = 5
    }

    /// The message that a field belongs to.
    enum Message {
        case weightMessage, weightArray
        /// One entry of the metadata, which is a message on the wire.
        case metadataEntry

        /// Nil for a field that is not known, which is skipped.
        func field(_ number: UInt64) -> ProtobufField? {
            switch (self, number) {
            case (.weightMessage, 1): .metadata
            case (.weightMessage, 2): .weights
            case (.weightArray, 1): .layerID
            case (.weightArray, 2): .shape
            case (.weightArray, 3): .dtype
            case (.weightArray, 4): .data
            case (.weightArray, 5): .name
            case (.metadataEntry, 1): .key
            case (.metadataEntry, 2): .value
            default: nil
            }
        }
    }

    var number: UInt64 {
        switch self {
        case .metadata, .layerID, .key: 1
        case .weights, .shape, .value: 2
        case .dtype: 3
        case .data: 4
        case .name: 5
        }
    }

    /// A repeated number comes one by one or packed.
    func admits(_ wireType: WireType) -> Bool {
        switch self {
        case .layerID: wireType == .varint
        case .shape: wireType == .varint || wireType == .lengthDelimited
        default: wireType == .lengthDelimited
        }
    }

    func tag(_ wireType: WireType) -> UInt64 { number << 3 | wireType.rawValue }
}
