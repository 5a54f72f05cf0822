import Base64

@testable import WeightFormats

/// Base64 of records, all at once and where it lies, and of JSON weights, as a stream.
enum Base64Text {
    static func check(_ input: UnsafeRawBufferPointer, _ piece: Int) throws {
        let apart = try? decoded(input, inPlace: false)
        try require(apart == (try? decoded(input, inPlace: true)), "other bytes where the characters lie")
        if let apart {
            try require(input.elementsEqual(Base64.text(apart).utf8), "other characters than before")
        }
        // The stream takes escapes too, and ends at a quote.
        guard !input.contains(where: { $0 == UInt8(ascii: "\\") || $0 == UInt8(ascii: "\"") }) else {
            _ = try? streamed(input, piece)
            return
        }
        try require(apart == (try? streamed(input, piece)), "other bytes as a stream")
    }

    private static func decoded(_ input: UnsafeRawBufferPointer, inPlace: Bool) throws -> [UInt8] {
        // Exactly as much as is asked for, so that a byte more is found.
        let room = Base64.decodingRoom(input.count)
        let target = UnsafeMutableRawBufferPointer.allocate(
            byteCount: inPlace ? max(room, input.count) : room, alignment: 1)
        defer { target.deallocate() }
        guard let base = target.baseAddress else { return [] }
        if inPlace { target.copyBytes(from: input) }
        let source = inPlace ? UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(target)[..<input.count]) : input
        return Array(target[..<(try Base64.decode(source, to: base))])
    }

    private static func streamed(_ input: UnsafeRawBufferPointer, _ piece: Int) throws -> [UInt8] {
        var stream = Base64Stream(array: 0)
        var given: [UInt8] = []
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 1)
        defer { room.deallocate() }
        let text = Array(input) + [UInt8(ascii: "\"")]
        try text.withUnsafeBytes { text in
            var origin: UInt64 = 0
            try text.cut(piece) { part in
                guard !stream.isComplete else { return }
                _ = try stream.feed(part, from: 0, origin: origin, room: room) { bytes, _ in
                    given.append(contentsOf: bytes)
                }
                origin += UInt64(part.count)
            }
        }
        try require(stream.isComplete, "the quote was not seen")
        return given
    }
}
