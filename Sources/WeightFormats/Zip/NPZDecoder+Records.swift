internal import Compression
internal import Weights

/// The records before and behind the members, field by field.
extension NPZDecoder {
    private static let descriptorSignature: UInt32 = 0x0807_4b50
    private static let largestWideEnd: UInt64 = 4096

    func complete() throws(WeightFailure) {
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
                    "the zip64 end record of \(size) bytes is not within 44 and \(Self.largestWideEnd)",
                    at: fieldOffset,
                    limit: size < 44 ? nil : Self.largestWideEnd)
            }
            try next(.wideEnd, Int(size))
        case .wideEnd:
            try checkEnd(
                field.integer(UInt64.self, at: 20), size: field.integer(UInt64.self, at: 28),
                start: field.integer(UInt64.self, at: 36))
        case .wideLocator: try next(.signature, 4)
        case .end:
            let count = field.integer(UInt16.self, at: 6)
            let (size, start) = (field.integer(UInt32.self, at: 8), field.integer(UInt32.self, at: 12))
            try checkEnd(
                count == .max ? nil : UInt64(count), size: size == .max ? nil : UInt64(size),
                start: start == .max ? nil : UInt64(start))
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
        case 0x0606_4b50 where directoryOffset != nil:
            directoryEnd = directoryEnd ?? fieldOffset
            try next(.wideEndSize, 8)
        case 0x0706_4b50 where directoryOffset != nil: try next(.wideLocator, 16)
        case 0x0605_4b50:
            directoryOffset = directoryOffset ?? fieldOffset
            directoryEnd = directoryEnd ?? fieldOffset
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
        let shown = head.member.name.quoted
        guard let name = ZipNames.array(of: head.member.name) else {
            throw WeightFailure(
                "the zip member \(shown) is no array: its name has to end with .npy, and not to be absolute or contain ..",
                at: start + 30, array: arrays.count)
        }
        try names.take(name, at: start + 30, array: arrays.count)
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
}
