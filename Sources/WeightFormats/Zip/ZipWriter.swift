/// Writes an archive of stored members, one behind the other; equal contents give equal bytes.
struct ZipWriter {
    /// 1 January 1980, the first day that an archive knows.
    private static let date: UInt16 = 0x21
    /// Names are UTF-8.
    private static let unicode: UInt16 = 0x800

    private var members: [ZipMember] = []
    private var streamed: Set<Int> = []
    private(set) var offset: UInt64 = 0

    /// The head of a member whose contents are known.
    mutating func begin(_ name: String, checksum: UInt32, size: UInt64) -> [UInt8] {
        var member = ZipMember(name: name, offset: offset, method: 0)
        (member.checksum, member.size, member.storedSize) = (checksum, size, size)
        members.append(member)
        let isWide = size >= UInt64(UInt32.max)
        let narrow = isWide ? UInt32.max : UInt32(size)
        let head = Self.head(
            name, flags: Self.unicode, checksum, narrow, extra: isWide ? Self.extra([size, size]) : [])
        offset += UInt64(head.count) + size
        return head
    }

    /// The head of a member whose size and checksum follow its data.
    mutating func beginStreamed(_ name: String) -> [UInt8] {
        streamed.insert(members.count)
        members.append(ZipMember(name: name, offset: offset, method: 0))
        // With room for 64 bits, so that the sizes behind the data have as many.
        let head = Self.head(name, flags: Self.unicode | 8, 0, .max, extra: Self.extra([0, 0]))
        offset += UInt64(head.count)
        return head
    }

    /// What follows the data of a streamed member.
    mutating func endStreamed(checksum: UInt32, size: UInt64) -> [UInt8] {
        guard let last = members.indices.last else { return [] }
        (members[last].checksum, members[last].size, members[last].storedSize) = (checksum, size, size)
        var bytes: [UInt8] = []
        bytes.appendLittleEndian(0x0807_4b50 as UInt32)
        bytes.appendLittleEndian(checksum)
        bytes.appendLittleEndian(size)
        bytes.appendLittleEndian(size)
        offset += UInt64(bytes.count) + size
        return bytes
    }

    /// The directory and the archive's end.
    func finish() -> [UInt8] {
        var bytes: [UInt8] = []
        for (index, member) in members.enumerated() { Self.append(member, streamed.contains(index), to: &bytes) }
        let size = UInt64(bytes.count)
        let isWide = members.count >= Int(UInt16.max) || offset >= UInt64(UInt32.max) || size >= UInt64(UInt32.max)
        if isWide { appendWideEnd(size, to: &bytes) }
        bytes.appendLittleEndian(0x0605_4b50 as UInt32)
        bytes.appendLittleEndian(0 as UInt32)
        for _ in 0..<2 { bytes.appendLittleEndian(isWide ? UInt16.max : UInt16(members.count)) }
        bytes.appendLittleEndian(isWide ? UInt32.max : UInt32(size))
        bytes.appendLittleEndian(isWide ? UInt32.max : UInt32(offset))
        bytes.appendLittleEndian(0 as UInt16)
        return bytes
    }

    private func appendWideEnd(_ size: UInt64, to bytes: inout [UInt8]) {
        let start = offset + size
        bytes.appendLittleEndian(0x0606_4b50 as UInt32)
        bytes.appendLittleEndian(44 as UInt64)
        bytes.appendLittleEndian(45 as UInt16)
        bytes.appendLittleEndian(45 as UInt16)
        bytes.appendLittleEndian(0 as UInt64)
        for _ in 0..<2 { bytes.appendLittleEndian(UInt64(members.count)) }
        bytes.appendLittleEndian(size)
        bytes.appendLittleEndian(offset)
        bytes.appendLittleEndian(0x0706_4b50 as UInt32)
        bytes.appendLittleEndian(0 as UInt32)
        bytes.appendLittleEndian(start)
        bytes.appendLittleEndian(1 as UInt32)
    }

    private static func head(
        _ name: String, flags: UInt16, _ checksum: UInt32, _ size: UInt32, extra: [UInt8]
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendLittleEndian(ZipHead.signature)
        bytes.appendLittleEndian((extra.isEmpty ? 20 : 45) as UInt16)
        appendCommon(flags, checksum, size, size, name, extra, to: &bytes)
        bytes += Array(name.utf8) + extra
        return bytes
    }

    private static func append(_ member: ZipMember, _ isStreamed: Bool, to bytes: inout [UInt8]) {
        let limit = UInt64(UInt32.max)
        let wide =
            (member.size >= limit ? [member.size, member.size] : []) + (member.offset >= limit ? [member.offset] : [])
        let extra = wide.isEmpty ? [] : extra(wide)
        let size = UInt32(clamping: member.size)
        bytes.appendLittleEndian(0x0201_4b50 as UInt32)
        let version: UInt16 = extra.isEmpty && !isStreamed ? 20 : 45
        bytes.appendLittleEndian(version)
        bytes.appendLittleEndian(version)
        appendCommon(unicode | (isStreamed ? 8 : 0), member.checksum, size, size, member.name, extra, to: &bytes)
        bytes += Array(repeating: 0, count: 10)
        bytes.appendLittleEndian(UInt32(clamping: member.offset))
        bytes += Array(member.name.utf8) + extra
    }

    /// What a member's head and its entry in the directory share.
    private static func appendCommon(
        _ flags: UInt16, _ checksum: UInt32, _ storedSize: UInt32, _ size: UInt32, _ name: String, _ extra: [UInt8],
        to bytes: inout [UInt8]
    ) {
        bytes.appendLittleEndian(flags)
        bytes.appendLittleEndian(0 as UInt16)
        bytes.appendLittleEndian(0 as UInt16)
        bytes.appendLittleEndian(date)
        bytes.appendLittleEndian(checksum)
        bytes.appendLittleEndian(storedSize)
        bytes.appendLittleEndian(size)
        bytes.appendLittleEndian(UInt16(clamping: name.utf8.count))
        bytes.appendLittleEndian(UInt16(extra.count))
    }

    private static func extra(_ sizes: [UInt64]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendLittleEndian(1 as UInt16)
        bytes.appendLittleEndian(UInt16(8 * sizes.count))
        for size in sizes { bytes.appendLittleEndian(size) }
        return bytes
    }
}
