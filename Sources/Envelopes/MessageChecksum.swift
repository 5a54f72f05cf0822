internal import Digests

/// The checksum of a message: over its fields and the head of its payload, whose own checksum covers the rest.
enum MessageChecksum {
    static func compute(_ message: Message, head: UnsafeRawBufferPointer) -> String {
        let fields = [
            message.messageID, message.type.rawValue, message.senderID, PythonFloat.repr(message.timestamp),
            String(message.roundNumber),
        ]
        var digest = SHA256()
        Array(fields.map { $0 + "\n" }.joined().utf8).withUnsafeBytes { digest.update($0) }
        digest.update(head)
        return Hex.encode(digest.finalize())
    }
}
