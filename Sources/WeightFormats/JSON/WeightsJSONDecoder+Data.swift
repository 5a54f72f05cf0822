internal import Weights

/// The elements of an array: base64, nested lists, or nested lists whose type is not known yet.
extension WeightsJSONDecoder {
    /// Takes text up to the end of the data.
    ///
    /// - Returns: where in the piece to go on.
    func takeData(
        _ piece: UnsafeRawBufferPointer, from start: Int, origin: UInt64, to sink: any ElementSink
    ) throws -> Int {
        var place = start
        switch taker {
        case .startOfData:
            if !piece[place].isJSONBlank {
                try beginData(piece[place], at: origin + UInt64(place))
                // The quote is not of the base64; what begins a list or a number is of it.
                guard taker == .base64 else { return place }
            }
            return place + 1
        case .base64:
            place =
                try base64?.feed(piece, from: place, origin: origin, room: writer.room) { bytes, offset in
                    try self.append(bytes, at: offset, to: sink)
                } ?? place
            if base64?.isComplete == true { endData() }
        case .nested:
            place =
                try nested?.feed(piece, from: place, origin: origin, writer: writer) { bytes, offset in
                    try self.append(bytes, at: offset, to: sink)
                } ?? place
            if nested?.isComplete == true { endData() }
        case .parked:
            place = try parked?.feed(piece, from: place) ?? place
            if parked?.isComplete == true {
                parked?.end()
                endData()
            }
        case .tokenizer: break
        }
        return place
    }

    private func beginData(_ first: UInt8, at offset: UInt64) throws(WeightFailure) {
        draft.dataOffset = offset
        dataStart = budget.position
        base64 = nil
        nested = nil
        parked = nil
        expectedBytes = try draft.spec(at: offset)?.byteCount
        if let expectedBytes { try budget.admit(UInt64(expectedBytes), at: offset, array: draft.index) }
        switch first {
        case UInt8(ascii: "\""):
            base64 = Base64Stream(array: draft.index)
            taker = .base64
        case UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: ","), UInt8(ascii: "n"):
            throw failure("data is neither base64 nor lists of numbers", at: offset)
        default:
            if let type = draft.type {
                nested = NestedNumbers(type: ElementType(type.dtype), array: draft.index)
                taker = .nested
            } else {
                parked = ParkedText(offset: offset, array: draft.index)
                taker = .parked
            }
        }
    }

    private func endData() {
        draft.data = dataStart..<budget.position
        taker = .tokenizer
        tokenizer.valueTaken()
    }

    private func append(_ bytes: UnsafeRawBufferPointer, at offset: UInt64, to sink: any ElementSink) throws {
        if let expectedBytes, bytes.count > expectedBytes - (budget.position - dataStart) {
            throw failure(
                "data has more than the \(expectedBytes) bytes of its shape and dtype", at: offset,
                limit: UInt64(expectedBytes))
        }
        try budget.append(bytes, to: sink, at: offset, array: draft.index)
    }

    func endArray(at end: UInt64, to sink: any ElementSink) throws {
        if draft.data != nil {
            if let parked { try readParked(parked, to: sink) }
            if let nested { try takeShape(of: nested) }
        }
        arrays.append(try draft.finished(typeField: "dtype", at: end))
        base64 = nil
        nested = nil
        parked = nil
    }

    private func readParked(_ parked: ParkedText, to sink: any ElementSink) throws {
        // It starts anew, in the sink too: others of this array's keys cannot have put anything there.
        var numbers = NestedNumbers(type: ElementType(draft.type?.dtype ?? .float32), array: draft.index)
        expectedBytes = nil
        try parked.text.withUnsafeBytes { text in
            _ = try numbers.feed(text, from: 0, origin: parked.offset, writer: writer) { bytes, offset in
                try self.append(bytes, at: offset, to: sink)
            }
        }
        guard numbers.isComplete else {
            throw failure("data is neither base64 nor lists of numbers", at: parked.offset)
        }
        draft.data = dataStart..<budget.position
        nested = numbers
    }

    private func takeShape(of numbers: NestedNumbers) throws(WeightFailure) {
        draft.type = numbers.type
        let found = numbers.shape
        guard let given = draft.shape else {
            draft.shape = found
            return
        }
        // Lists say nothing of what lies behind a dimension of length 0.
        guard given == found || (found.last == 0 && given.starts(with: found)) else {
            throw failure("data is nested as \(found), but shape is \(given)", at: draft.dataOffset)
        }
    }
}
