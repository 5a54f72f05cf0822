internal import Weights

extension PickleMachine {
    mutating func run(_ opcode: PickleOpcode, to sink: any ElementSink) throws {
        switch opcode {
        case .proto:
            guard (2...5).contains(argument) else { throw failure("protocol \(argument) is not one of 2 to 5") }
        case .frame: try beginFrame()
        case .stop: try stop()
        case .mark:
            try count()
            marks.append(stack.count)
        case .none: try push(.none)
        case .newTrue: try push(.bool(true))
        case .newFalse: try push(.bool(false))
        case .binint: try push(.integer(Int64(Int32(truncatingIfNeeded: argument))))
        case .binint1, .binint2: try push(.integer(Int64(argument)))
        case .long1, .long4:
            guard argument <= Self.maximumToken else {
                let limit = UInt64(Self.maximumToken)
                throw failure("an integer has \(argument) bytes, more than \(limit)", limit: limit)
            }
            try expect(.long, count: Int(argument), to: sink)
        case .binfloat:
            let value = Double(bitPattern: argument.byteSwapped)
            guard value.isFinite else { throw failure("\(value) is not a number that JSON metadata can hold") }
            try push(.float(value))
        case .shortBinunicode, .binunicode, .binunicode8: try beginText(argument, to: sink)
        case .shortBinbytes, .binbytes, .binbytes8, .bytearray8: try beginBytes(argument)
        case .emptyTuple: try pushTuple(from: stack.count)
        case .tuple1, .tuple2, .tuple3:
            let count = Int(opcode.rawValue - PickleOpcode.tuple1.rawValue) + 1
            guard stack.count - (marks.last ?? 0) >= count else { throw failure("the stack holds too little") }
            try pushTuple(from: stack.count - count)
        case .tuple: try pushTuple(from: try popMark())
        case .emptyList:
            graph.lists.append(.init(offset: start))
            try push(.list(Int32(graph.lists.count - 1)))
        case .emptyDict: try pushDict()
        case .append: try append(from: stack.count - 1)
        case .appends: try append(from: try popMark())
        case .setitem: try setItems(from: stack.count - 2)
        case .setitems: try setItems(from: try popMark())
        case .memoize: try put(at: UInt64(memo.count))
        case .binput, .longBinput: try put(at: argument)
        case .binget, .longBinget:
            guard argument < memo.count else { throw failure("memo \(argument) was never set") }
            try push(memo[Int(argument)])
        case .stackGlobal:
            guard let name = graph.text(try pop()), let module = graph.text(try pop()) else {
                throw failure("STACK_GLOBAL takes two strings")
            }
            try pushGlobal(module, name)
        case .global: break
        case .reduce: try reduce(to: sink)
        case .build: try build(to: sink)
        }
    }

    mutating func pushGlobal(_ module: String, _ name: String) throws(WeightFailure) {
        guard let global = PickleGlobal(module: module, name: name) else {
            let shown = (module + "." + name).quoted
            throw failure("global \(shown) is not one that arrays and dicts need; nothing was imported or called")
        }
        try push(.global(global))
    }

    mutating func pushDict() throws(WeightFailure) {
        graph.dicts.append(.init(offset: start))
        try push(.dict(Int32(graph.dicts.count - 1)))
    }

    private mutating func beginFrame() throws(WeightFailure) {
        let (end, overflow) = offset.addingReportingOverflow(argument)
        guard !overflow, start >= frameEnd else { throw failure("FRAME of \(argument) bytes within a frame") }
        frameEnd = end
    }

    private mutating func stop() throws(WeightFailure) {
        guard stack.count == 1, marks.isEmpty else { throw failure("STOP with \(stack.count) values on the stack") }
        guard offset >= frameEnd else {
            throw failure("STOP comes \(frameEnd - offset) bytes before the end of the frame")
        }
        step = .end
    }

    private mutating func pushTuple(from index: Int) throws(WeightFailure) {
        let first = graph.tuples.count
        graph.tuples.append(contentsOf: stack[index...])
        stack.removeSubrange(index...)
        try push(.tuple(start: Int32(first), count: Int32(graph.tuples.count - first)))
    }

    /// The container that takes what lies on the stack from there.
    private func target(below index: Int) throws(WeightFailure) -> PickleValue {
        guard index > marks.last ?? 0 else { throw failure("the stack holds too little") }
        return stack[index - 1]
    }

    private mutating func append(from index: Int) throws(WeightFailure) {
        let target = try target(below: index)
        guard case .list(let list) = target else { throw failure("APPEND to \(target.kind)") }
        graph.lists[Int(list)].elements.append(contentsOf: stack[index...])
        stack.removeSubrange(index...)
    }

    private mutating func setItems(from index: Int) throws(WeightFailure) {
        let target = try target(below: index)
        guard case .dict(let dict) = target, (stack.count - index).isMultiple(of: 2) else {
            throw failure("SETITEM of \(stack.count - index) values to \(target.kind)")
        }
        for key in stride(from: index, to: stack.count, by: 2) {
            guard case .text = stack[key] else { throw failure("a key is \(stack[key].kind), not a string") }
        }
        graph.dicts[Int(dict)].elements.append(contentsOf: stack[index...])
        stack.removeSubrange(index...)
    }

    private mutating func put(at index: UInt64) throws(WeightFailure) {
        let value = try top()
        // Picklers count; a table for any index would be theirs to size.
        guard index <= memo.count else { throw failure("memo index \(index) leaves out \(memo.count)") }
        try count()
        if index == memo.count { memo.append(value) } else { memo[Int(index)] = value }
    }
}
