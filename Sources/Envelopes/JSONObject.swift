internal import Glibc
internal import WireJSON

/// A JSON object whose members are found without reading what is in them.
///
/// What a message's payload needs: hundreds of megabytes of text that no general parser should see. The rest of the
/// object goes through one.
struct JSONObject {
    /// A member: where it lies with its key, and its value alone.
    struct Member {
        let key: String
        let range: Range<Int>
        let value: Range<Int>
    }

    /// More members than the protocol's objects have, unknown ones included.
    private static let mostMembers = 4096

    let bytes: UnsafeRawBufferPointer
    let members: [Member]

    /// Finds the members.
    ///
    /// Of their values only strings and brackets are looked at: `values` is what checks them.
    ///
    /// - Parameters:
    ///   - bytes: an object and nothing behind it but blanks.
    ///   - field: what the object is, for refusals.
    ///   - offset: of the object, for refusals.
    init(_ bytes: UnsafeRawBufferPointer, _ field: String, at offset: Int = 0) throws(EnvelopeFailure) {
        self.bytes = bytes
        var cursor = JSONCursor(bytes: bytes, field: field, origin: offset)
        var members: [Member] = []
        var keys: Set<String> = []
        try cursor.expect("{")
        if !cursor.skip("}") {
            repeat {
                cursor.skipBlanks()
                let start = cursor.place
                let key = try cursor.key()
                guard keys.insert(key).inserted else {
                    throw EnvelopeFailure(key, "comes twice in \(field)", at: offset + start)
                }
                try cursor.expect(":")
                cursor.skipBlanks()
                let value = cursor.place
                try cursor.skipValue()
                members.append(Member(key: key, range: start..<cursor.place, value: value..<cursor.place))
                guard members.count <= Self.mostMembers else {
                    throw EnvelopeFailure(
                        field, "has more than \(Self.mostMembers) members", at: offset + start,
                        limit: UInt64(Self.mostMembers))
                }
            } while cursor.skip(",")
            try cursor.expect("}")
        }
        cursor.skipBlanks()
        guard cursor.place == bytes.count else {
            throw EnvelopeFailure(field, "bytes left over behind the object", at: offset + cursor.place)
        }
        self.members = members
    }

    /// The object's values, all but those of the members that are left out.
    func values(without left: String? = nil, _ field: String, at offset: Int = 0) throws(EnvelopeFailure)
        -> [String: JSONValue]
    {
        let kept = members.filter { $0.key != left }
        let size = kept.reduce(2) { $0 + $1.range.count + 1 }
        guard size <= Bounds.header else {
            throw EnvelopeFailure(
                field, "\(size) bytes are over \(Bounds.header)", at: offset, limit: UInt64(Bounds.header))
        }
        var text: [UInt8] = [UInt8(ascii: "{")]
        text.reserveCapacity(size)
        for (index, member) in kept.enumerated() {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            text += bytes[member.range]
        }
        text.append(UInt8(ascii: "}"))
        guard text.withUnsafeBytes({ String(validating: $0, as: UTF8.self) }) != nil,
            let object = (try? JSONValue(parsing: text))?.objectValue
        else { throw EnvelopeFailure(field, "is not a JSON object in UTF-8", at: offset) }
        return object
    }

    /// Reads a small object.
    static func parse(
        _ bytes: UnsafeRawBufferPointer, _ field: String, at offset: Int = 0
    ) throws(EnvelopeFailure) -> [String: JSONValue] {
        try JSONObject(bytes, field, at: offset).values(field, at: offset)
    }
}
