internal import Weights
internal import WireJSON

extension MessagePackDecoder {
    static let arrayFields: Set<String> = ["nd", "type", "kind", "shape", "data", "name"]

    func take(_ token: MessagePackTokenizer.Token) throws(WeightFailure) {
        guard token != .unassigned else { throw failure("byte 193 begins no MessagePack value", at: start) }
        if skipping > 0 { return try skip(token) }
        guard let frame = frames.last else { return try takeOutermost(token) }
        if frame.isMap, frame.key == nil {
            guard case .text(let count, _) = token else {
                throw failure("a key is \(token.label) instead of str or bin", at: start)
            }
            if frame.kind == .metadata { try budget.keepText(count + 1, at: start) }
            try begin(.key, count)
            return
        }
        switch frame.kind {
        case .root: try takeRoot(token, key: frame.key ?? "")
        case .weights:
            guard case .map(let count) = token else {
                throw failure("weights[\(arrays.count)] is \(token.label) instead of a map", at: start)
            }
            try budget.admitArray(arrays.count, at: start)
            beginArray(at: start)
            try open(.array, isMap: true, count)
        case .array: try takeField(token, key: frame.key ?? "")
        case .shape:
            guard let length = token.length else {
                throw failure("shape holds \(token.label) instead of a length", at: start)
            }
            try draft.appendDimension(length, at: start)
            try endValue()
        case .metadata: try takeMetadata(token)
        }
    }

    private func takeOutermost(_ token: MessagePackTokenizer.Token) throws(WeightFailure) {
        switch token {
        case .map(let count): try open(.root, isMap: true, count)
        case .list(let count): try openWeights(count)
        default: throw failure("the body is \(token.label) instead of a map or an array", at: start)
        }
    }

    private func takeRoot(_ token: MessagePackTokenizer.Token, key: String) throws(WeightFailure) {
        switch (key, token) {
        case ("weights", .list(let count)): try openWeights(count)
        case ("weights", _): throw failure("weights is \(token.label) instead of an array", at: start)
        case ("metadata", .map(let count)):
            builder.beginObject()
            try open(.metadata, isMap: true, count)
        case ("metadata", .null): try endValue()
        case ("metadata", _): throw failure("metadata is \(token.label) instead of a map", at: start)
        default: try beginSkipping(token)
        }
    }

    private func openWeights(_ count: UInt64) throws(WeightFailure) {
        let limit = UInt64(budget.limits.arrays)
        guard count <= limit else {
            throw failure("weights has \(count) arrays; at most \(limit) are admitted", at: start, limit: limit)
        }
        try open(.weights, isMap: false, count)
    }

    private func beginArray(at offset: UInt64) {
        draft = ArrayDraft(index: arrays.count, offset: offset)
        arrayKeys = []
        isArray = nil
    }

    func open(_ kind: Frame.Kind, isMap: Bool, _ count: UInt64) throws(WeightFailure) {
        frames.append(Frame(kind: kind, isMap: isMap, left: count))
        if count == 0 { try close() }
    }

    /// Ends a value of the innermost frame, and the frame when it was the last one.
    func endValue() throws(WeightFailure) {
        guard let last = frames.indices.last else {
            isComplete = true
            return
        }
        frames[last].key = nil
        frames[last].left -= 1
        if frames[last].left == 0 { try close() }
    }

    // As deep as the frames are, which are bounded.
    private func close() throws(WeightFailure) {
        guard let frame = frames.last else { return }
        switch frame.kind {
        case .root:
            guard rootKeys.contains("weights") else {
                throw failure("the outermost map has neither weights nor nd", at: offset)
            }
        case .array: try endArray()
        case .metadata: builder.end()
        case .weights, .shape: break
        }
        frames.removeLast()
        try endValue()
    }

    func takeKey(_ key: String) throws(WeightFailure) {
        guard let last = frames.indices.last else { return }
        if frames[last].kind == .root, rootKeys.isDisjoint(with: ["weights", "metadata"]),
            Self.arrayFields.contains(key)
        {
            frames[last].kind = .array
            beginArray(at: 0)
        }
        let isNew =
            switch frames[last].kind {
            case .root: !["weights", "metadata"].contains(key) || rootKeys.insert(key).inserted
            case .array: !Self.arrayFields.contains(key) || arrayKeys.insert(key).inserted
            case .metadata: builder.key(key)
            case .weights, .shape: true
            }
        guard isNew else { throw failure("key \(key.quoted) comes twice", at: start) }
        frames[last].key = key
    }

    // MARK: What is not wanted

    func beginSkipping(_ token: MessagePackTokenizer.Token) throws(WeightFailure) {
        skipping = 1
        try skip(token)
    }

    private func skip(_ token: MessagePackTokenizer.Token) throws(WeightFailure) {
        let children: UInt64 =
            switch token {
            case .list(let count): count
            case .map(let count): 2 * count
            default: 0
            }
        // A count has 32 bits, so that this takes longer than anyone sends.
        let (sum, overflow) = (skipping - 1).addingReportingOverflow(children)
        guard !overflow else { throw failure("an unknown value has too many elements", at: start) }
        skipping = sum
        switch token {
        case .text(let count, _), .extension(let count): try begin(.skipped, count)
        default: if skipping == 0 { try endValue() }
        }
    }

    // MARK: Texts

    func begin(_ next: Payload, _ count: UInt64) throws(WeightFailure) {
        let limit = UInt64(budget.limits.metadataBytes)
        guard next == .data || next == .skipped || count <= limit else {
            throw failure("a text of \(count) bytes; at most \(limit) are admitted", at: start, limit: limit)
        }
        payload = next
        left = count
        text.removeAll(keepingCapacity: true)
        if count == 0 { try completePayload() }
    }

    func completePayload() throws(WeightFailure) {
        guard let done = payload else { return }
        payload = nil
        switch done {
        case .key: try takeKey(try string("a key"))
        case .skipped: if skipping == 0 { try endValue() }
        case .metadata:
            builder.add(.string(try string("a text of the metadata")))
            try endValue()
        case .type, .kind, .name, .data:
            try endField(done)
            try endValue()
        }
    }

    func string(_ label: String) throws(WeightFailure) -> String {
        guard let string = String(validating: text, as: UTF8.self) else {
            throw failure("\(label) is not UTF-8", at: start)
        }
        return string
    }
}
