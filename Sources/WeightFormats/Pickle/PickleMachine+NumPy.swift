internal import Weights

/// The constructions of arrays, each by its own global; nothing is called.
extension PickleMachine {
    mutating func reduce(
        _ function: PickleValue, _ arguments: PickleValue, _ sink: any ElementSink
    ) throws -> PickleValue {
        guard case .global(let global) = function else { throw failure("\(function.kind) cannot be called") }
        guard case .tuple(let tuple) = arguments else { throw failure("\(global.rawValue) needs a tuple") }
        let arguments = tuple.elements
        switch global {
        case .reconstruct, .reconstruct2:
            guard arguments.count == 3, case .global(.ndarray) = arguments[0] else {
                throw failure("\(global.rawValue) is for numpy.ndarray only")
            }
            return .array(PickleArray())
        case .frombuffer, .frombuffer2: return .array(try fromBuffer(arguments))
        case .dtype: return .dtype(try dtype(arguments))
        case .encode:
            guard arguments.count == 2, case .text(let text) = arguments[0],
                ["latin1", "latin-1"].contains(try kept(arguments[1]))
            else { throw failure("_codecs.encode is for a str and latin1 only") }
            return .bytes(try park(text, to: sink))
        case .bytes, .bytes2:
            guard arguments.isEmpty else { throw failure("\(global.rawValue) is for no arguments only") }
            return .bytes(place..<place)
        case .orderedDict:
            guard arguments.isEmpty else { throw failure("collections.OrderedDict is for no arguments only") }
            return .dictionary(newDictionary())
        case .ndarray, .bfloat16, .float8e4m3fn, .float8e5m2: throw failure("\(global.rawValue) cannot be called")
        }
    }

    /// What `__setstate__` would do.
    mutating func build(_ object: PickleValue, _ state: PickleValue, _ sink: any ElementSink) throws {
        guard case .tuple(let tuple) = state else { throw failure("the state of \(object.kind) has to be a tuple") }
        let state = tuple.elements
        switch object {
        case .dtype(let dtype):
            guard state.count >= 2, case .text = state[1] else { throw failure("a dtype's state has no byte order") }
            let order = try kept(state[1])
            guard ["<", "=", "|", ">"].contains(order) else {
                throw failure("byte order \(order.prefix(8).debugDescription) is not <, =, | or >")
            }
            dtype.isBigEndian = order == ">" && dtype.dtype.itemSize > 1
        case .array(let array):
            guard state.count == 5, case .dtype(let dtype) = state[2], let isFortran = Self.flag(state[3]) else {
                throw failure("an array's state has to be version, shape, dtype, order and bytes")
            }
            let shape = try shape(state[1])
            let axes = isFortran && shape.count > 1 ? Array(shape.indices.reversed()) : nil
            array.contents = PickleArray.Contents(
                shape: shape, dtype: dtype, axes: axes, bytes: try bytes(state[4], sink))
        default: throw failure("\(object.kind) has no state")
        }
    }

    /// `_frombuffer(buffer, dtype, shape, order[, axes])`, as protocol 5 has it.
    private mutating func fromBuffer(_ arguments: [PickleValue]) throws(WeightFailure) -> PickleArray {
        guard (4...5).contains(arguments.count), case .bytes(let bytes) = arguments[0],
            case .dtype(let dtype) = arguments[1]
        else { throw failure("_frombuffer needs bytes, a dtype, a shape and an order") }
        let shape = try shape(arguments[2])
        let order = try kept(arguments[3])
        let axes: [Int]?
        switch (order, arguments.count) {
        case ("C", 4): axes = nil
        case ("F", 4): axes = shape.count > 1 ? Array(shape.indices.reversed()) : nil
        case ("K", 5):
            let order = try self.shape(arguments[4]).map { Int(clamping: $0) }
            guard order.sorted() == Array(shape.indices) else { throw failure("the axes are no permutation") }
            // The buffer is the array with its axes in this order; the array is that, permuted back.
            axes = order == Array(shape.indices) ? nil : order
        default: throw failure("order \(order.prefix(8).debugDescription) is not C, F or K")
        }
        let array = PickleArray()
        array.contents = PickleArray.Contents(shape: shape, dtype: dtype, axes: axes, bytes: bytes)
        return array
    }

    private func dtype(_ arguments: [PickleValue]) throws(WeightFailure) -> PickleDType {
        switch arguments.first {
        case .global(.bfloat16): return PickleDType(.bfloat16)
        case .global(.float8e4m3fn): return PickleDType(.float8e4m3fn)
        case .global(.float8e5m2): return PickleDType(.float8e5m2)
        case .text(let text)?:
            let code = try kept(.text(text))
            guard let known = ElementType(text: code) ?? ElementType(text: "<" + code) else {
                throw failure("dtype \(code.prefix(64).debugDescription) is not one of \(ElementType.admitted)")
            }
            let dtype = PickleDType(known.dtype)
            dtype.isBigEndian = known.bigEndian
            return dtype
        default: throw failure("numpy.dtype needs a name")
        }
    }

    func shape(_ value: PickleValue) throws(WeightFailure) -> [UInt64] {
        guard case .tuple(let tuple) = value, tuple.elements.count <= ArrayDraft.maximumDimensions else {
            throw failure("a shape is a tuple of at most \(ArrayDraft.maximumDimensions) lengths")
        }
        var shape: [UInt64] = []
        for element in tuple.elements {
            guard case .integer(let length) = element, length >= 0 else {
                throw failure("a shape's length is no count")
            }
            shape.append(UInt64(length))
        }
        return shape
    }

    private mutating func bytes(_ value: PickleValue, _ sink: any ElementSink) throws -> Range<Int> {
        switch value {
        case .bytes(let range): return range
        case .text(let text): return try park(text, to: sink)
        default: throw failure("an array's elements are \(value.kind), not bytes")
        }
    }

    private static func flag(_ value: PickleValue) -> Bool? {
        switch value {
        case .bool(let flag): flag
        case .integer(let number) where number == 0 || number == 1: number == 1
        default: nil
        }
    }
}
