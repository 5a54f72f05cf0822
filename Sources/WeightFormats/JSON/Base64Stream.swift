internal import Base64
internal import Glibc
internal import Weights

/// Decodes a JSON string of base64 as it arrives.
struct Base64Stream {
    private let array: Int
    /// Characters that do not fill a group of four yet.
    private var carry: [UInt8] = []
    /// An escape that goes on in the next piece: what follows its backslash.
    private var escape: [UInt8]?
    private var isPadded = false
    private(set) var isComplete = false

    init(array: Int) { self.array = array }

    /// Takes text up to the quote at its end.
    ///
    /// - Parameters:
    ///   - bytes: the text, behind the quote at its start.
    ///   - start: where in it to begin.
    ///   - origin: of the text in the body.
    ///   - room: for what is decoded.
    ///   - give: takes decoded bytes, and the offset in the body.
    /// - Returns: where in the text the string ends, behind its quote, or the text's count.
    mutating func feed(
        _ bytes: UnsafeRawBufferPointer, from start: Int, origin: UInt64, room: UnsafeMutableRawBufferPointer,
        give: (UnsafeRawBufferPointer, UInt64) throws -> Void
    ) throws -> Int {
        var place = start
        while place < bytes.count, !isComplete {
            if escape != nil {
                if let character = try takeEscape(bytes[place], at: origin + UInt64(place)) {
                    try withUnsafeBytes(of: character) { try take($0, origin + UInt64(place), room, give) }
                }
                place += 1
                continue
            }
            // At most what the room takes decoded.
            let window = min(bytes.count, place + room.count)
            var end = firstPlace(of: "\"", in: bytes, place..<window) ?? window
            end = firstPlace(of: "\\", in: bytes, place..<end) ?? end
            try take(UnsafeRawBufferPointer(rebasing: bytes[place..<end]), origin + UInt64(place), room, give)
            place = end
            guard place < window else { continue }
            if bytes[place] == UInt8(ascii: "\\") {
                escape = []
            } else {
                guard carry.isEmpty else {
                    throw failure("base64 is cut: its length is not a multiple of 4", at: origin + UInt64(place))
                }
                isComplete = true
            }
            place += 1
        }
        return place
    }

    private mutating func take(
        _ characters: UnsafeRawBufferPointer, _ offset: UInt64, _ room: UnsafeMutableRawBufferPointer,
        _ give: (UnsafeRawBufferPointer, UInt64) throws -> Void
    ) throws {
        var rest = characters[...]
        if !carry.isEmpty {
            let head = rest.prefix(4 - carry.count)
            carry.append(contentsOf: head)
            rest = rest.dropFirst(head.count)
            guard carry.count == 4 else { return }
            let group = carry
            carry = []
            // The first of the group lies this far before what came now, unless an escape lies between.
            let before = UInt64(4 - head.count)
            try group.withUnsafeBytes { try decode($0, offset - min(before, offset), room, give) }
        }
        let whole = rest.prefix(rest.count & ~3)
        let start = offset + UInt64(whole.startIndex)
        try decode(UnsafeRawBufferPointer(rebasing: whole), start, room, give)
        carry.append(contentsOf: rest.dropFirst(whole.count))
    }

    private mutating func decode(
        _ groups: UnsafeRawBufferPointer, _ offset: UInt64, _ room: UnsafeMutableRawBufferPointer,
        _ give: (UnsafeRawBufferPointer, UInt64) throws -> Void
    ) throws {
        guard let last = groups.last, let target = room.baseAddress else { return }
        guard !isPadded else { throw failure("base64 goes on behind its padding", at: offset) }
        isPadded = last == UInt8(ascii: "=")
        let count: Int
        do {
            count = try Base64.decode(groups, to: target)
        } catch {
            throw failure("base64: \(error.reason)", at: offset + UInt64(error.offset))
        }
        try give(UnsafeRawBufferPointer(rebasing: room[..<count]), offset + UInt64(groups.count))
    }

    /// The character that an escape stands for, once it is whole.
    ///
    /// `\/` and `\u002b` are what some encoders write.
    private mutating func takeEscape(_ byte: UInt8, at offset: UInt64) throws(WeightFailure) -> UInt8? {
        var characters = escape ?? []
        characters.append(byte)
        if characters[0] == UInt8(ascii: "u") {
            escape = characters
            guard characters.count == 5 else { return nil }
        } else if byte != UInt8(ascii: "/") {
            throw failure("base64: an escape of no character of the alphabet", at: offset)
        }
        escape = nil
        guard characters.count == 5 else { return byte }
        let digits = String(decoding: characters[1...], as: UTF8.self)
        guard characters[1] != UInt8(ascii: "+"), let value = UInt8(digits, radix: 16) else {
            throw failure("base64: an escape of no character of the alphabet", at: offset)
        }
        return value
    }

    private func firstPlace(
        of character: Unicode.Scalar, in bytes: UnsafeRawBufferPointer, _ range: Range<Int>
    ) -> Int? {
        guard let base = bytes.baseAddress, !range.isEmpty,
            let found = memchr(base + range.lowerBound, Int32(character.value), range.count)
        else { return nil }
        return UnsafeRawPointer(found) - base
    }

    private func failure(_ reason: String, at offset: UInt64) -> WeightFailure {
        WeightFailure("data: " + reason, at: offset, array: array)
    }
}
