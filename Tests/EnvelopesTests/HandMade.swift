import Envelopes
import EventLog
import WireJSON

/// Packages and messages put together by other means than the sealer's, with parts that a test wants to spoil.
///
/// Checksums are computed over the spoilt parts, so that nothing but the spoilt field can be what is refused.
struct HandMade {
    var payload: [UInt8] = Array("payload".utf8)
    var magic = "FEDPK001"
    /// Members put over those of a right header; nil removes one.
    var header: [String: JSONValue?] = [:]
    /// The header's text, whatever the members are.
    var headerText: String?
    var headerLength: UInt32?
    /// Members put over those of a right message; nil removes one.
    var fields: [String: JSONValue?] = [:]
    var sender = "c"
    var round: Int64 = 1

    var package: (head: [UInt8], whole: [UInt8]) {
        let right: [String: JSONValue] = [
            "format": .string("binary_custom"), "compression": .string("none"),
            "checksum": .string(sha256(payload)), "original_size": .integer(Int64(payload.count)),
            "compressed_size": .integer(Int64(payload.count)), "timestamp": .number(1.5), "model_version": .null,
            "client_id": .string("c"), "round_number": .integer(1), "data_type": .string("model_weights"),
        ]
        let json = headerText.map { Array($0.utf8) } ?? text(right, header)
        let length = headerLength ?? UInt32(json.count)
        let head = Array(magic.utf8) + (0..<4).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + json
        return (head, head + payload)
    }

    var checksum: String {
        sha256(Array("id\nweight_update\n\(sender)\n1.5\n\(round)\n".utf8) + package.head)
    }

    var json: [UInt8] {
        let right: [String: JSONValue] = [
            "message_id": .string("id"), "message_type": .string("weight_update"), "sender_id": .string(sender),
            "timestamp": .number(1.5), "round_number": .integer(round), "payload": .string(base64(package.whole)),
            "metadata": .object([:]), "checksum": .string(checksum),
        ]
        return text(right, fields)
    }

    /// The binary envelope's headers with some put over them; nil removes one.
    func headers(_ spoilt: [String: String?] = [:]) -> [RecordHeader] {
        var right: [String: String] = [
            "ce_specversion": "1.0", "ce_id": "id", "ce_type": "fedgate.weight_update", "ce_source": "/clients/c",
            "ce_time": "1970-01-01T00:00:01.5Z", "ce_subject": "1", "ce_checksum": checksum, "ce_timestamp": "1.5",
            "ce_metadata": "{}", "content-type": "application/vnd.fedpk",
        ]
        for (name, value) in spoilt { right[name] = value }
        return right.map { RecordHeader($0.key, Array($0.value.utf8)) }
    }

    private func text(_ right: [String: JSONValue], _ spoilt: [String: JSONValue?]) -> [UInt8] {
        var members = right
        for (name, value) in spoilt { members[name] = value }
        return (try? JSONValue.object(members).encoded()) ?? []
    }
}

/// Base64 as a textbook has it, to compare with.
func base64(_ bytes: [UInt8]) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    var text = ""
    for start in stride(from: 0, to: bytes.count, by: 3) {
        let group = bytes[start..<min(start + 3, bytes.count)]
        let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
        for place in 0..<4 {
            text.append(place <= group.count ? alphabet[bits >> (18 - 6 * place) & 63] : "=")
        }
    }
    return text
}
