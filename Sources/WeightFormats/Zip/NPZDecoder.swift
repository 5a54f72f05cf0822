internal import Compression
internal import Weights

/// Decodes an archive of .npy files as it arrives: stored or deflated members, 64-bit sizes, sizes before or behind the
/// data (APPNOTE 6.3.10; NumPy's `savez` and `savez_compressed`).
///
/// Members are read in their order in the stream; the directory at the end has to say the same of each of them. Names
/// that are `arr_0`, `arr_1` … in that order count as none.
///
/// Thread: one at a time.
public final class NPZDecoder: WeightDecoder {
    private enum Step {
        case signature, head, headNames
        case stored, deflated, descriptorMark, descriptor
        case directory, directoryNames, wideEndSize, wideEnd, wideLocator, end, comment, done
    }

    private struct Current {
        let head: ZipHead
        var reader: NPYReader
        /// Of its elements in the sink.
        let start: Int
        let inflate: InflateStream?
        var checksum: UInt32 = 0
        var storedSize: UInt64 = 0
        var size: UInt64 = 0
    }

    private static let descriptorSignature: UInt32 = 0x0807_4b50
    private static let largestWideEnd: UInt64 = 4096

    private var budget: DecodeBudget
    private var step = Step.signature
    private var field = FieldGatherer(4)
    private var offset: UInt64 = 0
    private var fieldOffset: UInt64 = 0
    private var members: [ZipMember] = []
    private var names: Set<String> = []
    private var arrays: [DecodedArray] = []
    private var current: Current?
    /// By offset, those that the directory has not named yet.
    private var unnamed: [UInt64: ZipMember] = [:]
    private var directoryOffset: UInt64?

    /// A decoder at the start of a body.
    ///
    /// - Parameter limits: what a body may claim.
    public init(limits: DecodeLimits) { budget = DecodeBudget(limits: limits) }

    /// Takes the next bytes of the body.
    public func feed(_ piece: UnsafeRawBufferPointer, to sink: any ElementSink) throws {
        var rest = piece
        while !rest.isEmpty {
            switch step {
            case .stored: try readStored(&rest, to: sink)
            case .deflated: try readDeflated(&rest, to: sink)
            case .done: throw failure("bytes left over behind the archive", at: offset)
            default:
                let before = rest.count
                let isWhole = field.take(&rest)
                offset += UInt64(before - rest.count)
                if isWhole { try complete() }
            }
        }
    }

    /// Ends the body.
    public func finish(to sink: any ElementSink) throws -> DecodedWeights {
        guard case .done = step else {
            if let current { try current.reader.finish() }
            throw WeightFailure("the body ends here, in the middle of the zip archive", at: offset, array: currentIndex)
        }
        guard !arrays.isEmpty else { throw WeightFailure("there is no array in it; an upload has at least one", at: 0) }
        if ZipNames.areAutomatic(arrays.map(\.spec.name)) {
            for index in arrays.indices { arrays[index].spec.name = nil }
        }
        return DecodedWeights(arrays: arrays, metadata: [:])
    }

    private var currentIndex: Int? { current == nil ? nil : arrays.count }

    private func failure(_ reason: String, at offset: UInt64) -> WeightFailure {
        WeightFailure(reason, at: offset, array: currentIndex)
    }

    private func next(_ step: Step, _ count: Int) throws(WeightFailure) {
        self.step = step
        fieldOffset = offset
        field.next(count)
        if count == 0 { try complete() }
    }

    // MARK: Data

    private func readStored(_ rest: inout UnsafeRawBufferPointer, to sink: any ElementSink) throws {
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

    private func readDeflated(_ rest: inout UnsafeRawBufferPointer, to sink: any ElementSink) throws {
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

    private func endMember() throws(WeightFailure) {
        guard let current else { return }
        try current.reader.finish()
        if current.head.hasDescriptor { return try next(.descriptorMark, 4) }
        try endMember(checksum: current.head.member.checksum, current.head.member.storedSize, current.head.member.size)
    }

    private func endMember(checksum: UInt32, _ storedSize: UInt64, _ size: UInt64) throws(WeightFailure) {
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

    // MARK: Fields

    private func complete() throws(WeightFailure) {
        switch step {
        case .signature: try completeSignature()
        case .head:
            let length = Int(field.integer(UInt16.self, at: 22)) + Int(field.integer(UInt16.self, at: 24))
            step = .headNames
            field.extend(length)
            if length == 0 { try complete() }
        case .headNames: try beginMember()
        case .descriptorMark:
            let size = current?.head.isZip64 == true ? 16 : 8
            if field.integer(UInt32.self, at: 0) == Self.descriptorSignature {
                try next(.descriptor, 4 + size)
            } else {
                step = .descriptor
                field.extend(size)
            }
        case .descriptor:
            let isWide = current?.head.isZip64 == true
            try endMember(
                checksum: field.integer(UInt32.self, at: 0),
                isWide ? field.integer(UInt64.self, at: 4) : UInt64(field.integer(UInt32.self, at: 4)),
                isWide ? field.integer(UInt64.self, at: 12) : UInt64(field.integer(UInt32.self, at: 8)))
        case .directory:
            let length = [24, 26, 28].reduce(0) { $0 + Int(field.integer(UInt16.self, at: $1)) }
            step = .directoryNames
            field.extend(length)
            if length == 0 { try complete() }
        case .directoryNames: try checkDirectory()
        case .wideEndSize:
            let size = field.integer(UInt64.self, at: 0)
            guard (44...Self.largestWideEnd).contains(size) else {
                throw failure(
                    "the zip64 end record of \(size) bytes is not within 44 and \(Self.largestWideEnd)", at: fieldOffset
                )
            }
            try next(.wideEnd, Int(size))
        case .wideEnd: try checkEnd(field.integer(UInt64.self, at: 20), field.integer(UInt64.self, at: 36))
        case .wideLocator: try next(.signature, 4)
        case .end:
            let (count, start) = (field.integer(UInt16.self, at: 6), field.integer(UInt32.self, at: 12))
            try checkEnd(count == .max ? nil : UInt64(count), start == .max ? nil : UInt64(start))
        case .comment: step = .done
        case .stored, .deflated, .done: break
        }
    }

    private func completeSignature() throws(WeightFailure) {
        let signature = field.integer(UInt32.self, at: 0)
        switch signature {
        case ZipHead.signature where directoryOffset == nil: try next(.head, ZipHead.fixedSize)
        case 0x0201_4b50:
            directoryOffset = directoryOffset ?? fieldOffset
            try next(.directory, 42)
        case 0x0606_4b50 where directoryOffset != nil: try next(.wideEndSize, 8)
        case 0x0706_4b50 where directoryOffset != nil: try next(.wideLocator, 16)
        case 0x0605_4b50:
            directoryOffset = directoryOffset ?? fieldOffset
            try next(.end, 18)
        default:
            throw failure(
                fieldOffset == 0 ? "this is no zip archive: its signature is missing" : "no zip record begins here",
                at: fieldOffset)
        }
    }

    private func beginMember() throws(WeightFailure) {
        let start = fieldOffset - 4
        try budget.admitArray(arrays.count, at: start)
        let head = try ZipHead(field, at: start, array: arrays.count)
        try budget.keepText(UInt64(head.member.name.utf8.count), at: start + 30, array: arrays.count)
        let shown = head.member.name.prefix(64).debugDescription
        guard let name = ZipNames.array(of: head.member.name) else {
            throw WeightFailure(
                "the zip member \(shown) is no array: its name has to end with .npy, and not to be absolute or contain ..",
                at: start + 30, array: arrays.count)
        }
        guard names.insert(name).inserted else {
            throw WeightFailure("the zip member \(shown) comes twice", at: start + 30, array: arrays.count)
        }
        let inflate: InflateStream?
        do throws(CompressionFailure) { inflate = head.member.method == 8 ? try InflateStream() : nil } catch {
            throw failure(error.reason, at: start)
        }
        current = Current(
            head: head, reader: NPYReader(at: offset, index: arrays.count, name: name), start: budget.position,
            inflate: inflate)
        guard head.hasDescriptor || head.member.storedSize > 0 else {
            throw failure("the zip member \(shown) is empty", at: start)
        }
        step = inflate == nil ? .stored : .deflated
    }

    private func checkDirectory() throws(WeightFailure) {
        let start = fieldOffset - 4
        let nameEnd = 42 + Int(field.integer(UInt16.self, at: 24))
        let extraEnd = nameEnd + Int(field.integer(UInt16.self, at: 26))
        let place = UInt64(field.integer(UInt32.self, at: 38))
        var member = ZipMember(
            name: try ZipHead.name(field.bytes[42..<nameEnd], at: start + 46, array: members.count), offset: place,
            method: field.integer(UInt16.self, at: 6))
        member.checksum = field.integer(UInt32.self, at: 12)
        member.storedSize = UInt64(field.integer(UInt32.self, at: 16))
        member.size = UInt64(field.integer(UInt32.self, at: 20))
        let sizes = Zip64Sizes(field.bytes[nameEnd..<extraEnd])
        guard
            ZipHead.complete(&member.size, sizes?.next(when: member.size)),
            ZipHead.complete(&member.storedSize, sizes?.next(when: member.storedSize)),
            ZipHead.complete(&member.offset, sizes?.next(when: member.offset)),
            unnamed.removeValue(forKey: member.offset) == member
        else {
            throw failure(
                "the zip directory's entry \(member.name.prefix(64).debugDescription) differs from the members before it",
                at: start)
        }
        try next(.signature, 4)
    }

    private func checkEnd(_ count: UInt64?, _ start: UInt64?) throws(WeightFailure) {
        guard unnamed.isEmpty, (count ?? UInt64(members.count)) == UInt64(members.count),
            (start ?? directoryOffset) == directoryOffset
        else {
            throw failure("the zip directory's end names another place or number of members", at: fieldOffset - 4)
        }
        if case .wideEnd = step { return try next(.signature, 4) }
        try next(.comment, Int(field.integer(UInt16.self, at: 16)))
    }
}
