internal import Weights

/// The directory at the end, which has to say of the members what they said of themselves.
extension NPZDecoder {
    func checkDirectory() throws(WeightFailure) {
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
                "the zip directory's entry \(member.name.quoted) differs from the members before it",
                at: start)
        }
        try next(.signature, 4)
    }

    /// - Parameters:
    ///   - count: of the members; nil when it stands elsewhere.
    ///   - size: of the directory in bytes; nil likewise.
    ///   - start: of the directory; nil likewise.
    func checkEnd(_ count: UInt64?, size: UInt64?, start: UInt64?) throws(WeightFailure) {
        let first = directoryOffset ?? 0
        let bytes = (directoryEnd ?? first) - first
        guard unnamed.isEmpty, (count ?? UInt64(members.count)) == UInt64(members.count), (size ?? bytes) == bytes,
            (start ?? first) == first
        else {
            throw failure(
                "the zip directory's end names another place or size of it, or another number of members",
                at: fieldOffset - 4)
        }
        if case .wideEnd = step { return try next(.signature, 4) }
        try next(.comment, Int(field.integer(UInt16.self, at: 16)))
    }
}
