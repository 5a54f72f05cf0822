internal import Weights

extension ProtobufDecoder {
    /// Of a dtype's name.
    private static let maximumDtype: UInt64 = 32

    func takeVarint(_ value: UInt64) throws(WeightFailure) {
        switch step {
        case .tag: try begin(tag: value)
        case .varint(.layerID):
            guard let id = UInt32(exactly: value) else {
                throw failure("layer_id \(value) is over \(UInt32.max)", at: fieldOffset, limit: UInt64(UInt32.max))
            }
            layerID = id
            try endField()
        case .varint(.shape):
            try draft.appendDimension(value, at: fieldOffset)
            try endField()
        case .varint: try endField()
        case .packedShape:
            try draft.appendDimension(value, at: fieldOffset)
            if left == 0 { try endField() }
        case .length(let field): try begin(field, length: value)
        case .text, .data, .skip: break
        }
    }

    private func begin(tag: UInt64) throws(WeightFailure) {
        guard (1..<1 << 29).contains(tag >> 3) else {
            throw failure("field number \(tag >> 3) is not one of protobuf's", at: fieldOffset)
        }
        let field = message.field(tag >> 3)
        let label = "field \(tag >> 3)" + (field.map { " (\($0.rawValue))" } ?? "")
        guard let wireType = ProtobufField.WireType(rawValue: tag & 7), field?.admits(wireType) != false else {
            throw failure("\(label) has wire type \(tag & 7), which it cannot have", at: fieldOffset)
        }
        if let field, isTaken(field) { throw failure("\(field.rawValue) comes twice", at: fieldOffset) }
        switch wireType {
        case .varint: step = .varint(field)
        case .lengthDelimited: step = .length(field)
        case .eightBytes: try beginPayload(.skip, 8)
        case .fourBytes: try beginPayload(.skip, 4)
        }
    }

    private func isTaken(_ field: ProtobufField) -> Bool {
        switch field {
        case .metadata, .weights, .shape: false
        case .layerID: layerID != nil
        case .dtype: draft.type != nil
        case .data: draft.data != nil
        case .name: draft.name != nil
        case .key: entryKey != nil
        case .value: entryValue != nil
        }
    }

    private func begin(_ field: ProtobufField?, length: UInt64) throws(WeightFailure) {
        let end = messageEnd
        guard length <= end - offset else {
            let label = field?.rawValue ?? "an unknown field"
            throw failure(
                "\(label) has \(length) bytes, more than the \(end - offset) left of its message", at: offset,
                limit: end - offset)
        }
        switch field {
        case .metadata: try open(.metadataEntry, length)
        case .weights:
            draft = ArrayDraft(index: arrays.count, offset: fieldOffset)
            layerID = nil
            try budget.admitArray(arrays.count, at: fieldOffset)
            try open(.weightArray, length)
        case .data:
            try draft.admit(dataBytes: length, at: fieldOffset)
            try budget.admit(length, at: fieldOffset, array: draft.index)
            draft.dataOffset = offset
            dataStart = budget.position
            try beginPayload(.data, length)
        case .shape:
            draft.shape = draft.shape ?? []
            try beginPayload(.packedShape, length)
        case .dtype:
            guard length <= Self.maximumDtype else {
                let limit = Self.maximumDtype
                throw failure("dtype has \(length) bytes; at most \(limit)", at: fieldOffset, limit: limit)
            }
            try beginPayload(.text(.dtype), length)
        case .some(let field):
            try budget.keepText(length, at: fieldOffset, array: message == .weightArray ? draft.index : nil)
            try beginPayload(.text(field), length)
        case nil: try beginPayload(.skip, length)
        }
    }

    private func beginPayload(_ next: Step, _ length: UInt64) throws(WeightFailure) {
        guard length <= messageEnd - offset else {
            throw failure("a field goes on behind the end of its message", at: fieldOffset)
        }
        step = next
        left = length
        text.removeAll(keepingCapacity: true)
        if length == 0 { try completePayload() }
    }

    private func open(_ next: ProtobufField.Message, _ length: UInt64) throws(WeightFailure) {
        message = next
        messageEnd = offset + length
        try endField()
    }

    func completePayload() throws(WeightFailure) {
        switch step {
        case .data: draft.data = dataStart..<budget.position
        case .text(let field): try takeText(field)
        default: break
        }
        try endField()
    }

    private func takeText(_ field: ProtobufField) throws(WeightFailure) {
        guard let string = String(validating: text, as: UTF8.self) else {
            throw failure("\(field.rawValue) is not UTF-8", at: fieldOffset)
        }
        switch field {
        case .dtype: try draft.setType(string, at: fieldOffset, field: "dtype")
        case .name where string.isEmpty: break
        case .name:
            try names.take(string, at: fieldOffset, array: draft.index)
            draft.name = string
        case .key: entryKey = string
        case .value: entryValue = string
        default: break
        }
    }

    /// A message may end with the field.
    private func endField() throws(WeightFailure) {
        step = .tag
        guard offset == messageEnd else { return }
        if message == .weightArray { try endArray() } else { try endEntry() }
        message = .weightMessage
        messageEnd = .max
    }

    private func endArray() throws(WeightFailure) {
        let id = layerID ?? 0
        guard layerIDs.insert(id).inserted else {
            let hint = layerID == nil ? ", which is what an array without one has," : ""
            throw failure("layer_id \(id)\(hint) comes twice", at: draft.offset)
        }
        // Fields that have their default are not sent.
        draft.shape = draft.shape ?? []
        draft.data = draft.data ?? budget.position..<budget.position
        if draft.data?.isEmpty == true, draft.dataOffset == 0 { draft.dataOffset = offset }
        arrays.append(try draft.finished(typeField: "dtype", at: offset))
    }

    private func endEntry() throws(WeightFailure) {
        let key = entryKey ?? ""
        guard metadata[key] == nil else {
            throw failure("metadata key \(key.quoted) comes twice", at: fieldOffset)
        }
        metadata[key] = MetadataText.value(of: entryValue ?? "")
        entryKey = nil
        entryValue = nil
    }
}
