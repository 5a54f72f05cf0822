public import Weights
internal import WireJSON

extension FEDWT001Validator {
    /// Takes the next bytes of the stream.
    ///
    /// - Parameter bytes: any number of them.
    /// - Throws: `WeightFailure` naming the field, the array and the offset.
    public mutating func feed(_ bytes: UnsafeRawBufferPointer) throws(WeightFailure) {
        var rest = bytes[...]
        while !rest.isEmpty { _ = try take(&rest) }
    }

    /// Takes bytes up to where the elements of a dense array begin, at most.
    ///
    /// - Parameter rest: what was taken is cut off from its front.
    /// - Returns: the index of the array whose elements begin there; nil when `rest` is used up.
    mutating func take(_ rest: inout Slice<UnsafeRawBufferPointer>) throws(WeightFailure) -> Int? {
        while !rest.isEmpty {
            if skip > 0 {
                let count = Int(min(skip, UInt64(rest.count)))
                rest = rest.dropFirst(count)
                skip -= UInt64(count)
                offset += UInt64(count)
                continue
            }
            if try takePickle(&rest) { continue }
            if case .coordinate(let index) = step, field.isEmpty, rest.count >= 4 {
                try takeCoordinates(&rest, index)
                continue
            }
            if case .end = step { throw WeightFailure("bytes left over behind the last array", at: offset) }
            let piece = rest.prefix(needed - field.count)
            field.append(contentsOf: piece)
            rest = rest.dropFirst(piece.count)
            offset += UInt64(piece.count)
            guard field.count == needed else { continue }
            let isRecord = if case .record = step { true } else { false }
            try completeField()
            if isRecord, skip > 0, let index = lastIndex, !bodies[index].isSparse { return index }
        }
        return nil
    }

    /// Takes bytes of a pickled sparse record, when one is being read.
    private mutating func takePickle(_ rest: inout Slice<UnsafeRawBufferPointer>) throws(WeightFailure) -> Bool {
        guard pickle != nil, let index = lastIndex else { return false }
        let count = try pickle?.take(UnsafeRawBufferPointer(rebasing: rest)) ?? 0
        rest = rest.dropFirst(count)
        offset += UInt64(count)
        guard pickle?.isComplete == true else { return true }
        let storage = try pickle?.finish()
        bodies[index].pickled = storage
        pickle = nil
        try nextRecord()
        return true
    }

    /// Says that the stream has ended.
    ///
    /// - Throws: `WeightFailure` when it ended too early.
    public mutating func finish() throws(WeightFailure) {
        guard case .end = step, skip == 0, pickle == nil else {
            throw WeightFailure("the body ends here, in the middle of \(expectation)", at: offset, array: currentArray)
        }
    }

    var fieldOffset: UInt64 { offset - UInt64(field.count) }

    var currentArray: Int? {
        switch step {
        case .magic, .counts, .metadata: nil
        case .record, .end: skip > 0 ? lastIndex : nil
        case .ndim, .shape, .dtypeLength, .dtype, .elements: arrays.count
        case .sparseHead(let index), .sparseCount(let index), .coordinate(let index): index
        }
    }

    private var expectation: String {
        switch step {
        case .magic: "the magic FEDWT001"
        case .counts: "the array count and metadata length"
        case .metadata: "the metadata"
        case .ndim, .shape, .dtypeLength, .dtype, .elements: "an array's header"
        case .record: "the array records, \(recordsLeft) missing"
        case .sparseHead, .sparseCount, .coordinate: "a sparse array"
        case .end: "the data of the last array"
        }
    }

    /// Waits for the next field of `count` bytes; one of no bytes is complete at once.
    mutating func expect(_ next: Step, _ count: Int) throws(WeightFailure) {
        step = next
        field.removeAll(keepingCapacity: true)
        needed = count
        if count == 0 { try completeField() }
    }

    func integer<T: FixedWidthInteger & UnsignedInteger>(_ type: T.Type, at start: Int = 0) -> T {
        field[start..<start + T.bitWidth / 8].reversed().reduce(0) { $0 << 8 | T($1) }
    }

    private mutating func completeField() throws(WeightFailure) {
        switch step {
        case .magic: try completeMagic()
        case .counts: try completeCounts()
        case .metadata: try completeMetadata()
        case .ndim, .shape, .dtypeLength, .dtype, .elements: try completeArrayHeader()
        case .record: try completeRecord()
        case .sparseHead(let index): try completeSparseHead(index)
        case .sparseCount(let index): try completeSparseCount(index)
        case .coordinate(let index): try completeCoordinate(index)
        case .end: break
        }
    }

    private mutating func completeMagic() throws(WeightFailure) {
        guard field == Array("FEDWT001".utf8) else {
            throw WeightFailure("magic is not FEDWT001", at: 0)
        }
        try expect(.counts, 8)
    }

    private mutating func completeCounts() throws(WeightFailure) {
        let count = integer(UInt32.self)
        let length = integer(UInt32.self, at: 4)
        guard count > 0 else { throw WeightFailure("array count is 0; an upload has at least one", at: 8) }
        guard count <= limits.arrays else {
            throw WeightFailure("array count \(count) is over \(limits.arrays)", at: 8, limit: UInt64(limits.arrays))
        }
        guard length <= limits.metadataBytes else {
            let limit = UInt64(limits.metadataBytes)
            throw WeightFailure("metadata length \(length) is over \(limit)", at: 12, limit: limit)
        }
        arrayCount = Int(count)
        try expect(.metadata, Int(length))
    }

    private mutating func completeMetadata() throws(WeightFailure) {
        // What most clients send, and what a general parser takes longer for than for all the rest of the head.
        let isEmpty = field.elementsEqual("{}".utf8)
        guard let members = isEmpty ? [:] : (try? JSONValue(parsing: field))?.objectValue else {
            throw WeightFailure("metadata is not a JSON object", at: 16)
        }
        metadata = members
        if let given = members["layer_names"], given != .null { try takeNames(given) }
        try expect(.ndim, 1)
    }

    private mutating func takeNames(_ given: JSONValue) throws(WeightFailure) {
        let text = field
        guard case .array(let values) = given, values.count == arrayCount else {
            let place = JSONPlace.find(.key("layer_names"), in: text, at: 16)
            throw WeightFailure("metadata layer_names is not a list of \(arrayCount) names", at: place)
        }
        func place(_ index: Int) -> UInt64 { JSONPlace.find(.key("layer_names"), .index(index), in: text, at: 16) }
        var taken = ArrayNames()
        for (index, value) in values.enumerated() {
            let name = value.stringValue
            guard name != nil || value == .null else {
                throw WeightFailure(
                    "metadata layer_names[\(index)] is neither a string nor null", at: place(index), array: index)
            }
            names.append(name)
            if let name { try taken.take(name, at: place(index), array: index) }
        }
    }
}
