internal import Weights

extension PickleMachine {
    /// Takes the next bytes.
    mutating func feed(_ piece: UnsafeRawBufferPointer, to sink: any ElementSink) throws {
        var rest = piece[...]
        while let first = rest.first {
            switch step {
            case .opcode:
                take(1, from: &rest)
                try begin(first)
                if field.count == needed { try complete(to: sink) }
            case .argument, .text, .long:
                let part = rest.prefix(needed - field.count)
                field.append(contentsOf: part)
                take(part.count, from: &rest)
                if field.count == needed { try complete(to: sink) }
            case .line:
                take(1, from: &rest)
                try takeLine(first)
            case .data(let left):
                let part = rest.prefix(Int(min(left, UInt64(rest.count))))
                if !isInPlace {
                    try budget.append(UnsafeRawBufferPointer(rebasing: part), to: sink, at: start, array: currentArray)
                }
                take(part.count, from: &rest)
                step = .data(left: left - UInt64(part.count))
                if left == UInt64(part.count) { try endData() }
            case .single:
                take(1, from: &rest)
                step = .opcode
                try push(buffer(start: isInPlace ? place - 1 : nil, count: 1, byte: first))
            case .latin1(let left):
                let part = rest.prefix(Int(min(left, UInt64(rest.count))))
                let taken = try convert(part, to: sink)
                take(taken, from: &rest)
                step = .latin1(left: left - UInt64(taken))
                if left == UInt64(taken) { try endLatin1() }
            case .end:
                throw WeightFailure("bytes left over behind the pickle's STOP", at: offset)
            }
        }
    }

    private mutating func take(_ count: Int, from rest: inout Slice<UnsafeRawBufferPointer>) {
        rest = rest.dropFirst(count)
        offset += UInt64(count)
    }

    private mutating func begin(_ byte: UInt8) throws(WeightFailure) {
        start = offset - 1
        field.removeAll(keepingCapacity: true)
        guard start > origin || byte == PickleOpcode.proto.rawValue else {
            throw failure(
                "the body begins with \(hex(byte)), not with a pickle's PROTO (0x80); protocols 2 to 5 are read")
        }
        guard let opcode = PickleOpcode(rawValue: byte), opcode != .proto || start == origin else {
            throw failure("opcode \(hex(byte)) is not one that arrays, lists, dicts, strings and numbers need")
        }
        step = .argument(opcode)
        needed = opcode.argumentSize
        if opcode == .global {
            step = .line
            needed = -1
            module = nil
        }
    }

    private func hex(_ byte: UInt8) -> String { "0x" + (byte < 16 ? "0" : "") + String(byte, radix: 16) }

    private mutating func complete(to sink: any ElementSink) throws {
        switch step {
        case .argument(let opcode):
            step = .opcode
            try run(opcode, to: sink)
        case .text:
            step = .opcode
            guard let text = String(validating: field, as: UTF8.self) else { throw failure("a string is not UTF-8") }
            graph.texts.append(.init(offset: start, text: text))
            try push(.text(Int32(graph.texts.count - 1)))
        default:
            step = .opcode
            try pushLong()
        }
    }

    private mutating func takeLine(_ byte: UInt8) throws(WeightFailure) {
        guard byte == UInt8(ascii: "\n") else {
            guard field.count < Self.maximumToken else {
                let limit = Self.maximumToken
                throw failure("the name of a global is longer than \(limit) bytes", limit: UInt64(limit))
            }
            field.append(byte)
            return
        }
        let line = String(decoding: field, as: UTF8.self)
        field.removeAll(keepingCapacity: true)
        guard let module else { return module = line }
        step = .opcode
        try pushGlobal(module, line)
    }

    /// Waits for text, bytes or an integer of this length.
    mutating func expect(_ next: Step, count: Int, to sink: any ElementSink) throws {
        step = next
        field.removeAll(keepingCapacity: true)
        needed = count
        if count == 0 { try complete(to: sink) }
    }

    /// The argument, which is no longer than 8 bytes.
    var argument: UInt64 { field.reversed().reduce(0) { $0 << 8 | UInt64($1) } }
}
