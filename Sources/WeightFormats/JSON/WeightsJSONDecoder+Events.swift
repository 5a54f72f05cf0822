internal import Weights
internal import WireJSON

extension WeightsJSONDecoder {
    func take(_ event: JSONTokenizer.Event, to sink: any ElementSink) throws {
        switch contexts.last {
        case nil:
            guard case .beginObject = event else { throw failure("the body is no JSON object", at: tokenizer.start) }
            contexts.append(.root)
        case .root: try takeRoot(event)
        case .weights:
            switch event {
            case .beginObject: try beginArray()
            case .endList: contexts.removeLast()
            default: throw failure("weights[\(arrays.count)] is no object", at: tokenizer.start)
            }
        case .array:
            if case .endObject = event {
                try endArray(at: tokenizer.start + 1, to: sink)
                contexts.removeLast()
            } else {
                try takeField(event)
            }
        case .shape: try takeShape(event)
        case .metadata: try takeMetadata(event)
        case .skipped: skip(event)
        }
    }

    private func takeRoot(_ event: JSONTokenizer.Event) throws(WeightFailure) {
        switch (key, event) {
        case (_, .key(let next)):
            let isKnown = next == "weights" || next == "metadata"
            if isKnown, !keys.insert(next).inserted { throw comesTwice(next) }
            begin(next, isKnown: isKnown)
        case (_, .endObject): contexts.removeLast()
        case ("weights", .beginList): contexts.append(.weights)
        case ("weights", _): throw failure("weights is no list", at: tokenizer.start)
        case ("metadata", .beginObject):
            contexts.append(.metadata)
            try takeMetadata(event)
        case ("metadata", .scalar(.null)): break
        case ("metadata", _): throw failure("metadata is no object", at: tokenizer.start)
        default: beginSkipping(event)
        }
    }

    private func begin(_ next: String, isKnown: Bool) {
        key = next
        tokenizer.keepsStrings = isKnown
    }

    private func comesTwice(_ key: String) -> WeightFailure {
        failure("key \(key.quoted) comes twice", at: tokenizer.keyStart)
    }

    // MARK: Arrays

    private func beginArray() throws(WeightFailure) {
        try budget.admitArray(arrays.count, at: tokenizer.start)
        draft = ArrayDraft(index: arrays.count, offset: tokenizer.start)
        arrayKeys = []
        contexts.append(.array)
    }

    private func takeField(_ event: JSONTokenizer.Event) throws(WeightFailure) {
        let start = tokenizer.start
        switch (key, event) {
        case (_, .key(let next)):
            let isKnown = ["name", "shape", "dtype", "data"].contains(next)
            if isKnown, !arrayKeys.insert(next).inserted { throw comesTwice(next) }
            begin(next, isKnown: isKnown)
            if next == "data" { taker = .startOfData }
        case ("name", .scalar(.null)), ("dtype", .scalar(.null)), ("shape", .scalar(.null)): break
        case ("name", .scalar(.string(let name))):
            try budget.keepText(UInt64(name.utf8.count), at: start, array: draft.index)
            try names.take(name, at: start, array: draft.index)
            draft.name = name
        case ("dtype", .scalar(.string(let text))): try draft.setType(text, at: start, field: "dtype")
        case ("shape", .beginList):
            draft.shape = []
            contexts.append(.shape)
        case ("name", _), ("dtype", _): throw failure("\(key) is no string", at: start)
        case ("shape", _): throw failure("shape is no list", at: start)
        default: beginSkipping(event)
        }
    }

    private func takeShape(_ event: JSONTokenizer.Event) throws(WeightFailure) {
        switch event {
        case .endList: contexts.removeLast()
        case .scalar(let value):
            guard let number = value.integerValue, let length = UInt64(exactly: number) else { fallthrough }
            try draft.appendDimension(length, at: tokenizer.start)
        default: throw failure("shape holds something else than lengths", at: tokenizer.start)
        }
    }

    // MARK: Metadata, and what is not wanted

    private func takeMetadata(_ event: JSONTokenizer.Event) throws(WeightFailure) {
        let size =
            switch event {
            case .key(let text), .scalar(.string(let text)): text.utf8.count
            default: 0
            }
        try budget.keepText(UInt64(size) + DecodeBudget.valueBytes, at: tokenizer.start)
        guard builder.take(event) else {
            if case .key(let key) = event { throw comesTwice(key) }
            return
        }
        count(event)
    }

    private func beginSkipping(_ event: JSONTokenizer.Event) {
        contexts.append(.skipped)
        skip(event)
    }

    private func skip(_ event: JSONTokenizer.Event) {
        count(event)
        if contexts.last != .skipped { tokenizer.keepsStrings = true }
    }

    /// Leaves the metadata or what is skipped, once nothing of it is open.
    private func count(_ event: JSONTokenizer.Event) {
        switch event {
        case .beginObject, .beginList: depth += 1
        case .endObject, .endList: depth -= 1
        case .key, .scalar: break
        }
        if depth == 0 { contexts.removeLast() }
    }
}
