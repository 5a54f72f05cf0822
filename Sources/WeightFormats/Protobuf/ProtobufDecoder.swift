internal import Weights
internal import WireJSON

/// Reads a `WeightMessage` (proto/weight_message.proto; protocol.md, section 2) as it arrives.
///
/// Arrays are in the order of occurrence. Fields that are not known are skipped, save groups, which proto3 does not
/// have. A field that is not repeated may come once: elements that went to the sink cannot be taken back, so the rule
/// that the last one wins does not hold here. A metadata value that is a JSON object or list becomes one, every other
/// stays the string that it is.
public final class ProtobufDecoder: WeightDecoder {
    enum Step {
        case tag
        /// The value of a field of wire type 0; nil for one that is skipped.
        case varint(ProtobufField?)
        case length(ProtobufField?)
        case text(ProtobufField)
        case packedShape, data, skip
    }

    var budget: DecodeBudget
    var arrays: [DecodedArray] = []
    var names = ArrayNames()
    var metadata: [String: JSONValue] = [:]

    var step = Step.tag
    var message = ProtobufField.Message.weightMessage
    /// Where the message that is open ends.
    var messageEnd = UInt64.max
    /// Of the next byte.
    var offset: UInt64 = 0
    /// Of the tag of the field that is being read.
    var fieldOffset: UInt64 = 0
    /// Bytes of the field that are missing.
    var left: UInt64 = 0
    var text: [UInt8] = []
    private var varint = Varint()

    var draft = ArrayDraft(index: 0, offset: 0)
    var layerID: UInt32?
    var layerIDs: Set<UInt32> = []
    var dataStart = 0
    var entryKey: String?
    var entryValue: String?

    /// A decoder at the start of a body.
    ///
    /// - Parameter limits: what a body may claim.
    public init(limits: DecodeLimits) { budget = DecodeBudget(limits: limits) }

    /// Takes the next bytes.
    ///
    /// - Throws: `WeightFailure` naming the field, the array and the offset.
    public func feed(_ piece: UnsafeRawBufferPointer, to sink: any ElementSink) throws {
        var place = 0
        while place < piece.count {
            switch step {
            case .tag, .varint, .length, .packedShape:
                try take(piece[place])
                place += 1
            case .text, .data, .skip:
                let count = Int(min(left, UInt64(piece.count - place)))
                let part = UnsafeRawBufferPointer(rebasing: piece[place..<place + count])
                if case .text = step { text.append(contentsOf: part) }
                if case .data = step { try budget.append(part, to: sink, at: offset, array: draft.index) }
                place += count
                offset += UInt64(count)
                left -= UInt64(count)
                if left == 0 { try completePayload() }
            }
        }
    }

    /// Ends the body.
    ///
    /// - Throws: `WeightFailure` when it is incomplete or has no array.
    public func finish(to sink: any ElementSink) throws -> DecodedWeights {
        guard case .tag = step, varint.isEmpty, message == .weightMessage else {
            throw failure("the body ends here, in the middle of \(expectation)", at: offset)
        }
        guard !arrays.isEmpty else { throw failure("weights is empty; an upload has at least one array", at: offset) }
        return DecodedWeights(arrays: arrays, metadata: metadata)
    }

    private func take(_ byte: UInt8) throws(WeightFailure) {
        if case .tag = step, varint.isEmpty { fieldOffset = offset }
        guard offset < messageEnd else { throw failure("a field goes on behind the end of its message", at: offset) }
        let value: UInt64?
        do {
            value = try varint.take(byte)
        } catch {
            throw failure("a varint takes more than 64 bits", at: offset, limit: 64)
        }
        offset += 1
        if case .packedShape = step {
            left -= 1
            guard value != nil || left > 0 else { throw failure("shape ends within a varint", at: offset) }
        }
        if let value { try takeVarint(value) }
    }

    /// Of arrays whose `name` has come.
    public func name(ofArray index: Int) -> String? { arrays.name(of: index, or: draft) }

    func failure(_ reason: String, at offset: UInt64, limit: UInt64? = nil) -> WeightFailure {
        WeightFailure(reason, at: offset, array: message == .weightArray ? draft.index : nil, limit: limit)
    }

    private var expectation: String {
        switch step {
        case .tag:
            switch message {
            case .weightMessage: "a field's tag"
            case .weightArray: "weights"
            case .metadataEntry: "metadata"
            }
        case .varint(let field), .length(let field): field?.rawValue ?? "a field"
        case .text(let field): field.rawValue
        case .packedShape: "shape"
        case .data: "data, \(left) bytes missing"
        case .skip: "an unknown field, \(left) bytes missing"
        }
    }
}
