internal import Weights

/// Text and bytes: short text is kept, bytes go to the sink.
extension PickleMachine {
    mutating func beginText(_ count: UInt64, to sink: any ElementSink) throws {
        // A single character may be an object that stands elsewhere too, as a name; Python keeps one for each of them.
        if count > 2, case .global(.encode)? = stack.last {
            guard !isInPlace else { throw bytesAsText() }
            try budget.admit(count / 2, at: start, array: currentArray)
            dataStart = budget.position
            step = .latin1(left: count)
            return
        }
        try budget.keepText(count, at: start)
        try expect(.text, count: Int(count), to: sink)
    }

    mutating func beginBytes(_ count: UInt64) throws(WeightFailure) {
        try budget.admit(count, at: start, array: currentArray)
        dataStart = place
        switch count {
        case 0: try endData()
        case 1: step = .single
        default: step = .data(left: count)
        }
    }

    mutating func endData() throws(WeightFailure) {
        step = .opcode
        try push(buffer(start: dataStart, count: place - dataStart))
    }

    mutating func endLatin1() throws(WeightFailure) {
        step = .opcode
        guard latin1.isWhole else { throw failure("a string is not UTF-8") }
        guard case .buffer(let index) = buffer(start: dataStart, count: budget.position - dataStart) else { return }
        try push(.latin1(index))
    }

    /// Bytes that lie as text in a body are not there as they are.
    private func bytesAsText() -> WeightFailure {
        failure("bytes are written as text here, as protocol 2 does; write protocol 3 or later")
    }

    mutating func buffer(start place: Int?, count: Int, byte: UInt8 = 0) -> PickleValue {
        graph.buffers.append(.init(offset: start, start: place, count: count, byte: byte))
        return .buffer(Int32(graph.buffers.count - 1))
    }

    /// Gives a part of a string to the sink.
    mutating func convert(_ part: Slice<UnsafeRawBufferPointer>, to sink: any ElementSink) throws -> Int {
        try withUnsafeTemporaryAllocation(byteCount: 16 << 10, alignment: 1) { room in
            guard let (taken, given) = latin1.convert(part, into: room) else {
                throw failure("a string that stands for bytes has a character beyond U+00FF")
            }
            try budget.append(
                UnsafeRawBufferPointer(rebasing: room[..<given]), to: sink, at: start, array: currentArray)
            return taken
        }
    }

    /// Bytes from text that was kept.
    mutating func encode(_ text: String, to sink: any ElementSink) throws -> PickleValue {
        var bytes: [UInt8] = []
        for scalar in text.unicodeScalars {
            guard let byte = UInt8(exactly: scalar.value) else {
                throw failure("a string that stands for bytes has a character beyond U+00FF")
            }
            bytes.append(byte)
        }
        if bytes.count == 1 { return buffer(start: nil, count: 1, byte: bytes[0]) }
        let place = place
        guard !isInPlace || bytes.isEmpty else { throw bytesAsText() }
        try bytes.withUnsafeBytes { try budget.append($0, to: sink, at: start, array: currentArray) }
        return buffer(start: place, count: bytes.count)
    }

    /// Where the sink has the bytes.
    mutating func range(ofBuffer index: Int32, to sink: any ElementSink) throws -> Range<Int> {
        let buffer = graph.buffers[Int(index)]
        if let start = buffer.start { return start..<start + buffer.count }
        guard !isInPlace else { throw bytesAsText() }
        let start = budget.position
        try withUnsafeBytes(of: buffer.byte) {
            try budget.append($0, to: sink, at: buffer.offset, array: currentArray)
        }
        graph.buffers[Int(index)].start = start
        return start..<start + buffer.count
    }

    /// LONG1 and LONG4: two's complement; what does not fit becomes a float, as in JSON.
    mutating func pushLong() throws(WeightFailure) {
        guard let last = field.last else { return try push(.integer(0)) }
        let fill: UInt8 = last & 0x80 == 0 ? 0 : 0xff
        if field.dropFirst(8).allSatisfy({ $0 == fill }), field.count < 8 || field[7] & 0x80 == fill & 0x80 {
            let low = field.prefix(8) + Array(repeating: fill, count: max(0, 8 - field.count))
            return try push(.integer(Int64(bitPattern: low.reversed().reduce(0) { $0 << 8 | UInt64($1) })))
        }
        // Of a negative number the complement, which is one less.
        let magnitude = field.reversed().reduce(0.0) { $0 * 256 + Double($1 ^ fill) }
        guard magnitude.isFinite else { throw failure("an integer is too large for JSON") }
        try push(.float(fill == 0 ? magnitude : -magnitude - 1))
    }
}
