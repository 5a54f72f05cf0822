internal import Weights

/// Reads the reference's sparse record, flag 1 of FEDWT001: a pickled dict `{shape, dtype, indices, values}` (protocol.md,
/// section 1), whose arrays are found where they lie in the body.
struct PickledSparse {
    private var machine: PickleMachine
    private var left: UInt64
    private let spec: ArraySpec
    private let index: Int

    /// - Parameters:
    ///   - spec: what the array's header says, with which the dict has to agree.
    ///   - index: of the array.
    ///   - start: of the pickle in the body.
    ///   - length: bytes of the pickle.
    init(_ spec: ArraySpec, index: Int, at start: UInt64, length: UInt64) {
        machine = PickleMachine(limits: DecodeLimits(decodedBytes: length), inPlaceAt: start)
        left = length
        self.spec = spec
        self.index = index
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
    mutating func finish() throws(WeightFailure) -> DecodedArray.Storage {
        defer { machine.dissolve() }
        do throws(WeightFailure) { return try storage(try machine.finish()) } catch { throw named(error) }
    }

    private func storage(_ value: PickleValue) throws(WeightFailure) -> DecodedArray.Storage {
        guard case .dictionary(let members) = value, let shape = members.values["shape"],
            let dtype = members.values["dtype"], let indices = members.values["indices"],
            case .array(let values)? = members.values["values"], let stored = values.contents
        else { throw machine.failure("a sparse record has to be a dict of shape, dtype, indices and values") }
        guard try machine.shape(shape) == spec.shape, try name(dtype) == spec.dtype else {
            throw machine.failure("the sparse record's shape or dtype differs from the header's")
        }
        let count = stored.bytes.count / spec.dtype.itemSize
        guard stored.dtype.dtype == spec.dtype, stored.shape == [UInt64(count)],
            stored.bytes.count == count * spec.dtype.itemSize, count <= spec.count
        else { throw machine.failure("values are not a list of at most \(spec.count) \(spec.dtype.rawValue)") }
        let lists: [PickleValue]
        switch indices {
        case .list(let list), .tuple(let list): lists = list.elements
        default: throw machine.failure("indices are \(indices.kind), not a list of arrays")
        }
        guard lists.count == spec.shape.count else {
            throw machine.failure("\(lists.count) lists of indices for \(spec.shape.count) dimensions")
        }
        var coordinates: [Range<Int>] = []
        var size = 4
        for list in lists {
            guard case .array(let array) = list, let contents = array.contents, !contents.dtype.isBigEndian,
                [.uint32, .int32, .uint64, .int64].contains(contents.dtype.dtype), contents.shape == [UInt64(count)],
                contents.bytes.count == count * contents.dtype.dtype.itemSize,
                coordinates.isEmpty || contents.dtype.dtype.itemSize == size
            else { throw machine.failure("indices are not arrays of \(count) uint32 or int64") }
            size = contents.dtype.dtype.itemSize
            coordinates.append(contents.bytes)
        }
        return .sparse(
            count: count, coordinates: coordinates, coordinateSize: size, values: stored.bytes,
            bigEndian: stored.dtype.isBigEndian)
    }

    private func name(_ value: PickleValue) throws(WeightFailure) -> DType? {
        if case .dtype(let dtype) = value { return dtype.dtype }
        return ElementType(text: try machine.kept(value))?.dtype
    }

    private func named(_ error: any Error) -> WeightFailure {
        guard var failure = error as? WeightFailure else {
            return WeightFailure(String(describing: error), at: machine.offset, array: index)
        }
        failure.array = index
        return failure
    }
}
