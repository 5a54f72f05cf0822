internal import Weights

/// The fields of one array: `nd`, `type`, `kind`, `shape`, `data` and our `name`.
extension MessagePackDecoder {
    /// Of a type's text.
    private static let maximumType: UInt64 = 32

    func takeField(_ token: MessagePackTokenizer.Token, key: String) throws(WeightFailure) {
        switch (key, token) {
        case ("nd", .bool(let value)):
            isArray = value
            try endValue()
        case ("type", .text(let count, _)):
            guard count <= Self.maximumType else {
                let limit = Self.maximumType
                throw failure("type has \(count) bytes; at most \(limit)", at: start, limit: limit)
            }
            try begin(.type, count)
        case ("type", .list):
            throw failure(
                "type is a list: structured types are not read, and bfloat16 and float8 have their name as type",
                at: start)
        case ("kind", .text(let count, _)):
            guard count <= 1 else { throw failure("kind has \(count) bytes; at most 1", at: start, limit: 1) }
            try begin(.kind, count)
        case ("shape", .list(let count)):
            let limit = ArrayDraft.maximumDimensions
            guard count <= UInt64(limit) else {
                throw failure("shape has \(count) dimensions; at most \(limit)", at: start, limit: UInt64(limit))
            }
            draft.shape = []
            try open(.shape, isMap: false, count)
        case ("data", .text(let count, _)):
            try draft.admit(dataBytes: count, at: start)
            try budget.admit(count, at: start, array: draft.index)
            draft.dataOffset = start
            dataStart = budget.position
            try begin(.data, count)
        case ("name", .text(let count, _)):
            try budget.keepText(count, at: start, array: draft.index)
            try begin(.name, count)
        case ("name", .null): try endValue()
        case let (field, _) where Self.arrayFields.contains(field):
            throw failure("\(field) is \(token.label), which it cannot be", at: start)
        default: try beginSkipping(token)
        }
    }

    func endField(_ field: Payload) throws(WeightFailure) {
        switch field {
        case .type: try draft.setType(try string("type"), at: start, field: "type")
        case .name:
            let name = try string("name")
            try names.take(name, at: start, array: draft.index)
            draft.name = name
        case .data: draft.data = dataStart..<budget.position
        default: try checkKind()
        }
    }

    private func checkKind() throws(WeightFailure) {
        switch try string("kind") {
        case "": break
        case "O": throw failure("kind is O: pickled objects are not read", at: start)
        case "V":
            throw failure(
                "kind is V: structured types are not read, and bfloat16 and float8 have their name as type", at: start)
        case let other: throw failure("kind is \(other.debugDescription) instead of empty", at: start)
        }
    }

    func endArray() throws(WeightFailure) {
        guard let isArray else {
            throw failure("the map has no nd, so that it is no array by msgpack-numpy's convention", at: offset)
        }
        // A NumPy scalar.
        if !isArray, draft.shape == nil { draft.shape = [] }
        arrays.append(try draft.finished(typeField: "type", at: offset))
    }
}
