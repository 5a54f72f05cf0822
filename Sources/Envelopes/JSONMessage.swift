internal import Base64
internal import WireJSON

/// The JSON envelope's reading side, all but the payload.
enum JSONMessage {
    /// - Returns: the message, its checksum, and where the payload's characters lie between their quotes.
    static func read(
        _ bytes: UnsafeRawBufferPointer
    ) throws(EnvelopeFailure) -> (message: Message, checksum: String, payload: Range<Int>) {
        let object = try JSONObject(bytes, "message")
        guard let payload = object.members.first(where: { $0.key == "payload" })?.value else {
            throw EnvelopeFailure("payload", "is missing")
        }
        guard bytes[payload.lowerBound] == UInt8(ascii: "\"") else {
            throw EnvelopeFailure("payload", "is not a string", at: payload.lowerBound)
        }
        let fields = Fields(try object.values(without: "payload", "message"))
        let message = Message(
            messageID: try fields.string("message_id"),
            type: try fields.choice("message_type"),
            senderID: try fields.string("sender_id"),
            timestamp: try fields.timestamp("timestamp"),
            roundNumber: try fields.round("round_number"),
            metadata: try fields.object("metadata", default: [:]))
        try message.check()
        return (message, try fields.string("checksum"), payload.lowerBound + 1..<payload.upperBound - 1)
    }
}

extension MessageReader {
    /// The package of which the characters in this range are the base64.
    func decode(_ range: Range<Int>, of bytes: UnsafeRawBufferPointer) throws(EnvelopeFailure) -> UnsafeRawBufferPointer
    {
        var characters = UnsafeRawBufferPointer(rebasing: bytes[range])
        let escaped = characters.firstPlace(of: "\\", from: 0) != nil
        let slashes = escaped ? try countEscapes(characters, at: range.lowerBound) : 0
        let count = characters.count - slashes
        guard count / 4 * 3 - 2 <= limits.maxStored else {
            throw EnvelopeFailure(
                "payload", "\(count / 4 * 3) bytes are over \(limits.maxStored)", at: range.lowerBound,
                limit: UInt64(limits.maxStored))
        }
        guard let target = encoded.room(max(Base64.decodingRoom(count), count)), let base = target.baseAddress else {
            throw EnvelopeFailure("payload", "there is no memory for \(count / 4 * 3) bytes", at: range.lowerBound)
        }
        if escaped {
            unescape(characters, to: target)
            characters = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(target)[..<count])
        }
        do {
            let decoded = try Base64.decode(characters, to: base)
            return UnsafeRawBufferPointer(start: base, count: decoded)
        } catch {
            let escapesBefore = escaped ? escapes(before: error.offset, in: bytes[range]) : 0
            throw EnvelopeFailure(
                "payload", "is not base64: \(error.reason)", at: range.lowerBound + error.offset + escapesBefore)
        }
    }

    /// Some JSON writers escape the slash; no other character of base64 may be.
    private func countEscapes(
        _ characters: UnsafeRawBufferPointer, at offset: Int
    ) throws(EnvelopeFailure) -> Int {
        var count = 0
        var place = 0
        while let found = characters.firstPlace(of: "\\", from: place) {
            // A backslash never comes last: the quote behind it would have been escaped.
            guard characters[found + 1] == UInt8(ascii: "/") else {
                throw EnvelopeFailure("payload", "is not base64: an escape other than \\/", at: offset + found)
            }
            count += 1
            place = found + 2
        }
        return count
    }

    private func unescape(_ characters: UnsafeRawBufferPointer, to target: UnsafeMutableRawBufferPointer) {
        var written = 0
        for byte in characters where byte != UInt8(ascii: "\\") {
            target[written] = byte
            written += 1
        }
    }

    private func escapes(before offset: Int, in characters: Slice<UnsafeRawBufferPointer>) -> Int {
        var left = offset
        var escapes = 0
        for byte in characters {
            if byte == UInt8(ascii: "\\") {
                escapes += 1
            } else if left == 0 {
                break
            } else {
                left -= 1
            }
        }
        return escapes
    }
}
