internal import Weights

/// REDUCE and BUILD, as far as they make arrays, their element types, bytes and `OrderedDict`.
extension PickleMachine {
    mutating func reduce(to sink: any ElementSink) throws {
        let given = try pop()
        let callee = try pop()
        guard let arguments = graph.tuple(given).map(Array.init), case .global(let global) = callee else {
            throw failure("REDUCE calls \(callee.kind) with \(given.kind)")
        }
        switch global {
        case .bytes where arguments.isEmpty: try push(buffer(start: place, count: 0))
        case .orderedDict where arguments.isEmpty: try pushDict()
        case .encode where arguments.count == 2 && graph.text(arguments[1]) == "latin1":
            if case .latin1(let index) = arguments[0] { return try push(.buffer(index)) }
            guard let text = graph.text(arguments[0]) else { throw failure("_codecs.encode takes a string") }
            try push(try encode(text, to: sink))
        case .dtype where arguments.count == 3: try pushElement(arguments)
        case .reconstruct where isEmptyArray(arguments):
            try pushArray()
        case .frombuffer where arguments.count == 4 || arguments.count == 5:
            try pushArray()
            var axes: PickleValue?
            if arguments.count == 5, case .tuple = arguments[4] { axes = arguments[4] }
            guard let order = graph.text(arguments[3]) else { throw failure("order is \(arguments[3].kind)") }
            try fill(
                graph.arrays.count - 1, shape: arguments[2], dtype: arguments[1], order: order, permutation: axes,
                data: arguments[0], to: sink)
        default:
            throw failure("REDUCE of \(global) with \(arguments.count) arguments is not how NumPy uses it")
        }
    }

    mutating func build(to sink: any ElementSink) throws {
        let given = try pop()
        let target = try top()
        guard let state = graph.tuple(given).map(Array.init) else { throw failure("BUILD with \(given.kind)") }
        switch target {
        case .array(let index) where graph.arrays[Int(index)].contents == nil && state.count == 5:
            guard case .integer(1) = state[0], let fortran = state[3].flag else {
                throw failure("the state of an array is not version 1")
            }
            try fill(
                Int(index), shape: state[1], dtype: state[2], order: fortran ? "F" : "C", permutation: nil,
                data: state[4], to: sink)
        case .dtype(let index) where state.count == 8: try setByteOrder(of: Int(index), state)
        default: throw failure("BUILD of \(target.kind) with \(state.count) values is not how NumPy uses it")
        }
    }

    /// `(numpy.ndarray, (0,), b"b")`.
    private func isEmptyArray(_ arguments: [PickleValue]) -> Bool {
        guard arguments.count == 3, case .global(.ndarray) = arguments[0],
            let shape = graph.tuple(arguments[1]), shape.count == 1, case .integer(0)? = shape.first,
            case .buffer(let index) = arguments[2]
        else { return false }
        let buffer = graph.buffers[Int(index)]
        return buffer.count == 1 && buffer.byte == UInt8(ascii: "b")
    }

    private mutating func pushArray() throws(WeightFailure) {
        try budget.admitArray(graph.arrays.count, at: start)
        graph.arrays.append(.init(offset: start, contents: nil))
        try push(.array(Int32(graph.arrays.count - 1)))
    }

    /// `numpy.dtype(name, align, copy)`.
    private mutating func pushElement(_ arguments: [PickleValue]) throws(WeightFailure) {
        guard arguments[1].flag != nil, arguments[2].flag != nil else {
            throw failure("align and copy of a dtype are not bools")
        }
        if case .global(.element(let dtype)) = arguments[0] {
            graph.dtypes.append(.init(offset: start, name: dtype.rawValue, type: ElementType(dtype)))
        } else {
            guard let name = graph.text(arguments[0]) else { throw failure("dtype is \(arguments[0].kind)") }
            guard let type = ElementType(text: "<" + name) ?? ElementType(text: name) else {
                let shown = name.quoted
                throw failure(
                    "dtype \(shown) is not one of \(ElementType.admitted)", at: graph.offset(of: arguments[0]))
            }
            graph.dtypes.append(.init(offset: start, name: name, type: type))
        }
        try push(.dtype(Int32(graph.dtypes.count - 1)))
    }

    /// `(3, byteorder, subdtype, names, fields, elsize, alignment, flags)`.
    private mutating func setByteOrder(of index: Int, _ state: [PickleValue]) throws(WeightFailure) {
        guard case .integer(3) = state[0], let order = graph.text(state[1]) else {
            throw failure("the state of a dtype is not version 3 with a byte order")
        }
        for value in state[2...4] {
            guard case .none = value else { throw failure("a dtype with fields or a shape of its own is not admitted") }
        }
        let element = graph.dtypes[index]
        guard case .integer(let size) = state[5], size == -1 || size == Int64(element.type.dtype.itemSize) else {
            throw failure("a dtype's element size is not that of \(element.name)")
        }
        if let type = ElementType(text: order + element.name) {
            graph.dtypes[index].type = type
        } else if !["<", "=", "|"].contains(order) {
            throw failure("byte order \(order.quoted) is not admitted for \(element.name)")
        }
    }
}
