internal import Weights

extension [DecodedArray] {
    /// The name of an array that is whole, or of the one that is being read.
    func name(of index: Int, or draft: ArrayDraft) -> String? {
        if indices.contains(index) { return self[index].spec.name }
        return index == draft.index ? draft.name : nil
    }
}

/// An array whose fields arrive in any order.
struct ArrayDraft {
    static let maximumDimensions = 32

    /// In the order of the body.
    let index: Int
    /// Of the array in the body.
    let offset: UInt64
    var name: String?
    var type: ElementType?
    var shape: [UInt64]?
    /// Where in the sink its elements are, and where in the body they began.
    var data: Range<Int>?
    var dataOffset: UInt64 = 0

    init(index: Int, offset: UInt64) {
        self.index = index
        self.offset = offset
    }

    func failure(_ reason: String, at offset: UInt64, limit: UInt64? = nil) -> WeightFailure {
        WeightFailure(reason, at: offset, array: index, limit: limit)
    }

    mutating func setType(_ text: String, at offset: UInt64, field: String) throws(WeightFailure) {
        guard let known = ElementType(text: text) else {
            let shown = text.quoted
            throw failure("\(field) \(shown) is not one of \(ElementType.admitted)", at: offset)
        }
        type = known
    }

    mutating func appendDimension(_ length: UInt64, at offset: UInt64) throws(WeightFailure) {
        guard (shape ?? []).count < Self.maximumDimensions else {
            throw failure(
                "shape has more than \(Self.maximumDimensions) dimensions", at: offset,
                limit: UInt64(Self.maximumDimensions))
        }
        shape = (shape ?? []) + [length]
    }

    /// Nil while type or shape are not known.
    func spec(at offset: UInt64) throws(WeightFailure) -> ArraySpec? {
        guard let type, let shape else { return nil }
        return try .checked(name: name, dtype: type.dtype, shape: shape, at: offset, array: index)
    }

    /// Refuses data of another length than type and shape say, where these are known already.
    func admit(dataBytes count: UInt64, at offset: UInt64) throws(WeightFailure) {
        guard let spec = try spec(at: offset), count != UInt64(spec.byteCount) else { return }
        throw failure(
            "data has \(count) bytes, but shape \(spec.shape) of \(spec.dtype.rawValue) takes \(spec.byteCount)",
            at: offset)
    }

    /// The array, once nothing more of it comes.
    func finished(typeField: String, at end: UInt64) throws(WeightFailure) -> DecodedArray {
        guard let type else { throw failure("the array has no \(typeField)", at: end) }
        guard let data else { throw failure("the array has no data", at: end) }
        guard let spec = try spec(at: offset) else { throw failure("the array has no shape", at: end) }
        try admit(dataBytes: UInt64(data.count), at: dataOffset)
        return DecodedArray(spec: spec, storage: .dense(bytes: data, axes: nil, bigEndian: type.bigEndian))
    }
}
