/// Turns UTF-8 that comes in pieces into Latin-1.
struct Latin1Stream {
    /// The first byte of a character of two.
    private var lead: UInt8?

    /// Whether no character is broken off.
    var isWhole: Bool { lead == nil }

    /// Takes bytes and gives characters, at most `room.count` of either.
    ///
    /// - Returns: how many bytes were taken and given, or nil at a character that is not of Latin-1.
    mutating func convert(
        _ bytes: Slice<UnsafeRawBufferPointer>, into room: UnsafeMutableRawBufferPointer
    ) -> (taken: Int, given: Int)? {
        var given = 0
        let taken = min(bytes.count, room.count)
        for byte in bytes.prefix(taken) {
            if let first = lead {
                guard byte & 0xc0 == 0x80 else { return nil }
                room[given] = first << 6 | byte & 0x3f
                given += 1
                lead = nil
            } else if byte < 0x80 {
                room[given] = byte
                given += 1
            } else {
                guard byte == 0xc2 || byte == 0xc3 else { return nil }
                lead = byte
            }
        }
        return (taken, given)
    }
}
