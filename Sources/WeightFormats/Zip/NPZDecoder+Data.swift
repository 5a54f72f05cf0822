internal import Compression
internal import Weights

/// What lies in the members: stored or deflated bytes, given to the reader of the array.
extension NPZDecoder {
    func readStored(_ rest: inout UnsafeRawBufferPointer, to sink: any ElementSink) throws {
        guard let member = current?.head.member, let hasDescriptor = current?.head.hasDescriptor else { return }
        let left = hasDescriptor ? UInt64(rest.count) : member.storedSize - (current?.storedSize ?? 0)
        let piece = UnsafeRawBufferPointer(rebasing: rest[..<Int(min(left, UInt64(rest.count)))])
        let taken = try give(piece, to: sink)
        guard hasDescriptor || taken == piece.count else { throw surplus }
        rest = UnsafeRawBufferPointer(rebasing: rest[taken...])
        offset += UInt64(taken)
        current?.storedSize += UInt64(taken)
        if hasDescriptor {
            if current?.reader.isComplete == true { try endMember() }
        } else if current?.storedSize == member.storedSize {
            try endMember()
        }
    }

    func readDeflated(_ rest: inout UnsafeRawBufferPointer, to sink: any ElementSink) throws {
        guard let inflate = current?.inflate, let head = current?.head else { return }
        let left = head.hasDescriptor ? UInt64(rest.count) : head.member.storedSize - (current?.storedSize ?? 0)
        let piece = UnsafeRawBufferPointer(rebasing: rest[..<Int(min(left, UInt64(rest.count)))])
        let (taken, isDone): (Int, Bool)
        do {
            (taken, isDone) = try inflate.write(piece) { part in
                guard try give(part, to: sink) == part.count else { throw surplus }
            }
        } catch let error as CompressionFailure {
            throw failure(error.reason, at: offset)
        }
        rest = UnsafeRawBufferPointer(rebasing: rest[taken...])
        offset += UInt64(taken)
        current?.storedSize += UInt64(taken)
        if isDone {
            try endMember()
        } else if !head.hasDescriptor, current?.storedSize == head.member.storedSize {
            throw failure("the deflated data does not end where the member does", at: offset)
        }
    }

    private var surplus: WeightFailure {
        failure("bytes left over behind the array within its zip member", at: current?.reader.offset ?? offset)
    }

    /// Gives bytes of the member's file to the array's reader; how many were taken.
    private func give(_ piece: UnsafeRawBufferPointer, to sink: any ElementSink) throws -> Int {
        var rest = piece
        let index = arrays.count
        let place = offset
        try current?.reader.feed(&rest, budget) { elements in
            try budget.append(elements, to: sink, at: place, array: index)
        }
        let taken = UnsafeRawBufferPointer(rebasing: piece[..<(piece.count - rest.count)])
        let checksum = CRC32.update(current?.checksum ?? 0, taken)
        current?.checksum = checksum
        current?.size += UInt64(taken.count)
        return taken.count
    }

    func endMember() throws(WeightFailure) {
        guard let current else { return }
        try current.reader.finish()
        if current.head.hasDescriptor { return try next(.descriptorMark, 4) }
        try endMember(checksum: current.head.member.checksum, current.head.member.storedSize, current.head.member.size)
    }

    func endMember(checksum: UInt32, _ storedSize: UInt64, _ size: UInt64) throws(WeightFailure) {
        guard let current, let array = current.reader.array(at: current.start) else { return }
        guard current.storedSize == storedSize, current.size == size else {
            throw failure(
                "the zip member is said to have \(size) bytes in \(storedSize), but has \(current.size) in \(current.storedSize)",
                at: current.head.member.offset)
        }
        guard current.checksum == checksum else {
            throw failure("the zip member's CRC-32 does not match its data", at: current.head.member.offset)
        }
        var member = current.head.member
        (member.checksum, member.storedSize, member.size) = (checksum, storedSize, size)
        members.append(member)
        unnamed[member.offset] = member
        arrays.append(array)
        self.current = nil
        try next(.signature, 4)
    }
}
