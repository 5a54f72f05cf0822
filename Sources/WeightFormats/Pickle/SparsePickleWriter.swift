internal import Weights

/// Writes the body of FEDWT001's flag 1: a pickled dict `{shape, dtype, indices, values}`, as the reference does.
///
/// The dense elements are gone through once to count them, once a dimension and once more for the values, so that no
/// list of them is kept.
struct SparsePickleWriter {
    private enum Part {
        case text([UInt8])
        case coordinates(dimension: Int)
        case values
    }

    private let spec: ArraySpec
    private let elements: Nonzero
    private let parts: [Part]
    /// Bytes that `write` gives, which a record's head needs beforehand.
    let byteCount: Int

    /// Bytes that stand around coordinates and values at most: some 200 about the whole and about each list's head, of
    /// which only the first has names.
    static func mostText(_ spec: ArraySpec) -> Int { 512 + 128 * (spec.shape.count + 1) }

    /// - Parameters:
    ///   - spec: of a type that NumPy has, with lengths below 2³².
    ///   - elements: the array's, densely.
    init(spec: ArraySpec, elements: Nonzero) {
        self.spec = spec
        self.elements = elements
        let count = elements.count
        var parts: [Part] = []
        var text = PickleText()
        text.add(.emptyDict)
        text.text("shape")
        text.shape(spec.shape)
        text.add(.setitem)
        text.text("dtype")
        text.text(spec.dtype.rawValue)
        text.add(.setitem)
        text.text("indices")
        text.add(.emptyList)
        for dimension in spec.shape.indices {
            text.beginArray(.uint32, shape: [UInt64(count)], byteCount: 4 * count)
            parts += [.text(text.bytes), .coordinates(dimension: dimension)]
            text.bytes.removeAll()
            text.endArray()
            text.add(.append)
        }
        text.add(.setitem)
        text.text("values")
        text.beginArray(spec.dtype, shape: [UInt64(count)], byteCount: spec.dtype.itemSize * count)
        parts += [.text(text.bytes), .values]
        text.bytes.removeAll()
        text.endArray()
        text.add(.setitem)
        text.add(.stop)
        parts.append(.text(text.bytes))
        self.parts = parts
        byteCount = parts.reduce(0) { total, part in
            switch part {
            case .text(let bytes): total + bytes.count
            case .coordinates: total + 4 * count
            case .values: total + spec.dtype.itemSize * count
            }
        }
    }

    /// Gives the pickle in pieces.
    func write(to sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        var piece = Piece()
        for part in parts {
            switch part {
            case .text(let bytes):
                try bytes.withUnsafeBytes { try piece.append($0[...], to: sink) }
            case .coordinates(let dimension):
                let length = Int(spec.shape[dimension])
                let stride = spec.shape[(dimension + 1)...].reduce(1) { $0 * Int($1) }
                try elements.forEach { try piece.append(UInt32($0 / stride % length), to: sink) }
            case .values:
                let size = spec.dtype.itemSize
                try elements.forEach { try piece.append(elements.bytes[$0 * size..<($0 + 1) * size], to: sink) }
            }
        }
        try piece.flush(to: sink)
    }
}
