internal import Weights

/// Reads FEDWT001's flag 1: a pickled dict `{shape, dtype, indices, values}` (protocol.md, section 1), whose arrays are
/// found where they lie in the body.
///
/// `indices` is a list or tuple of as many arrays as there are dimensions, as `numpy.nonzero` gives them (int64) or as the
/// reference narrows them (uint32). Whether a coordinate lies within the shape or comes twice is seen where the elements
/// are read.
struct PickledSparse {
    private let limits: DecodeLimits
    private let index: Int
    private let spec: ArraySpec
    private var machine: PickleMachine
    private var left: UInt64

    /// A reader at the start of a record's bytes.
    ///
    /// - Parameters:
    ///   - spec: what the array's header says, with which the dict has to agree.
    ///   - index: of the array.
    ///   - start: of the pickle in the body.
    ///   - length: bytes of the pickle.
    init(_ spec: ArraySpec, index: Int, at start: UInt64, length: UInt64) {
        limits = DecodeLimits(decodedBytes: length)
        self.spec = spec
        self.index = index
        machine = PickleMachine(limits: limits, inPlaceAt: start)
        left = length
    }

    var isComplete: Bool { left == 0 }

    /// Takes bytes up to the record's end; how many.
    mutating func take(_ rest: UnsafeRawBufferPointer) throws(WeightFailure) -> Int {
        let piece = UnsafeRawBufferPointer(rebasing: rest[..<Int(min(left, UInt64(rest.count)))])
        do { try machine.feed(piece, to: DroppingSink()) } catch { throw named(error) }
        left -= UInt64(piece.count)
        return piece.count
    }

    /// Where the array's elements are.
    func finish() throws(WeightFailure) -> DecodedArray.Storage {
        do throws(WeightFailure) { return try storage(try machine.root()) } catch { throw named(error) }
    }

    private func storage(_ root: PickleValue) throws(WeightFailure) -> DecodedArray.Storage {
        var found = PickledWeights(graph: machine.graph, limits: limits, end: machine.offset)
        var fields: [String: PickleValue] = [:]
        for (key, value) in try found.members(of: root) { fields[key] = value }
        func field(_ name: String) throws(WeightFailure) -> PickleValue {
            guard let value = fields[name] else { throw refusal("the sparse array has no \(name)", root) }
            return value
        }

        let values = try column(try field("values"), "values")
        let count = values.spec.count
        guard values.spec.dtype == spec.dtype, count <= spec.count else {
            throw refusal(
                "values are \(count) of \(values.spec.dtype.rawValue), not at most \(spec.count) of \(spec.dtype.rawValue)",
                root, limit: count > spec.count ? UInt64(spec.count) : nil)
        }
        guard try elementType(try field("dtype")) == spec.dtype, try shape(try field("shape")) == spec.shape else {
            throw refusal("shape or dtype of the sparse array differs from the header's", root)
        }
        let indices = try field("indices")
        guard let columns = machine.graph.sequence(indices), columns.count == spec.shape.count else {
            throw refusal("indices are not \(spec.shape.count) arrays, one for each of the dimensions", indices)
        }
        var size: Int?
        var coordinates: [Range<Int>] = []
        for value in columns {
            let column = try column(value, "indices")
            let type = column.spec.dtype
            guard [.int32, .uint32, .int64, .uint64].contains(type), !column.bigEndian, column.spec.count == count,
                size ?? type.itemSize == type.itemSize
            else {
                throw refusal("indices are not \(count) little-endian int64 or uint32 each, as many as values", value)
            }
            size = type.itemSize
            coordinates.append(column.bytes)
        }
        return .sparse(
            count: count, coordinates: coordinates, coordinateSize: size ?? 8, values: values.bytes,
            bigEndian: values.bigEndian)
    }

    /// An array of one dimension, with where the body has it.
    private func column(
        _ value: PickleValue, _ name: String
    ) throws(WeightFailure) -> (spec: ArraySpec, bytes: Range<Int>, bigEndian: Bool) {
        guard case .array(let index) = value, let array = machine.graph.arrays[Int(index)].contents,
            case .dense(let bytes, _, let bigEndian) = array.storage, array.spec.shape.count == 1
        else {
            throw refusal("\(name) hold \(value.kind), not an array of one dimension", value)
        }
        return (array.spec, bytes, bigEndian)
    }

    private func elementType(_ value: PickleValue) throws(WeightFailure) -> DType {
        if case .dtype(let index) = value { return machine.graph.dtypes[Int(index)].type.dtype }
        guard let text = machine.graph.text(value), let type = ElementType(text: text) else {
            throw refusal("dtype of the sparse array is not one of \(ElementType.admitted)", value)
        }
        return type.dtype
    }

    private func shape(_ value: PickleValue) throws(WeightFailure) -> [UInt64] {
        guard let lengths = machine.graph.sequence(value) else {
            throw refusal("shape is \(value.kind), not a tuple", value)
        }
        let most = ArrayDraft.maximumDimensions
        guard lengths.count <= most else {
            throw refusal("shape has more than \(most) dimensions", value, limit: UInt64(most))
        }
        var shape: [UInt64] = []
        for length in lengths {
            guard case .integer(let length) = length, let length = UInt64(exactly: length) else {
                throw refusal("shape holds \(length.kind) that is no length", value)
            }
            shape.append(length)
        }
        return shape
    }

    private func refusal(_ reason: String, _ value: PickleValue, limit: UInt64? = nil) -> WeightFailure {
        WeightFailure(reason, at: machine.graph.offset(of: value) ?? machine.offset, limit: limit)
    }

    private func named(_ error: any Error) -> WeightFailure {
        var failure =
            error as? WeightFailure ?? WeightFailure(String(describing: error), at: machine.offset)
        failure.array = index
        return failure
    }
}
