internal import EventLog
internal import Glibc
internal import WireJSON

/// The reference's JSON object as the record's value, its payload in base64.
enum JSONEnvelope {
    static func seal(
        _ message: Message, _ head: [UInt8], _ layout: Layout, _ extraHeaders: [RecordHeader]
    ) throws(EnvelopeFailure) -> Record {
        var before: [UInt8] = []
        before.append(contentsOf: #"{"message_id": "#.utf8)
        JSONValue.append(message.messageID, to: &before)
        before.append(contentsOf: #", "message_type": "\#(message.type.rawValue)", "sender_id": "#.utf8)
        JSONValue.append(message.senderID, to: &before)
        before.append(
            contentsOf: #", "timestamp": \#(message.timestamp), "round_number": \#(message.roundNumber), "#.utf8)
        before.append(contentsOf: #""payload": ""#.utf8)
        let start = before.count
        before.append(contentsOf: repeatElement(0, count: Base64.encodedCount(head.count)))
        before.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            head.withUnsafeBytes { Base64.encode($0, to: base + start) }
        }
        var after = Array(#"", "metadata": "#.utf8)
        do throws(JSONFailure) { try JSONValue.object(message.metadata).append(to: &after) } catch {
            throw EnvelopeFailure(field: "metadata", reason: error.reason)
        }
        let checksum = head.withUnsafeBytes { message.checksum(head: $0) }
        after.append(contentsOf: #", "checksum": "\#(checksum)"}"#.utf8)
        return Record(
            key: RecordKey.of(message), headers: extraHeaders, slab: layout.slab,
            range: try layout.framed(by: before, and: after))
    }

    /// The message, its checksum, and where its payload's text stands.
    static func open(
        _ value: UnsafeRawBufferPointer
    ) throws(EnvelopeFailure) -> (Message, checksum: String, payload: Range<Int>) {
        var scanner = TopLevelScanner(value)
        let payload = try scanner.find("payload")
        // Without the payload the object is small, and a general parser may read it.
        var rest = Array(value[..<payload.lowerBound])
        rest.append(contentsOf: value[payload.upperBound...])
        guard let members = (try? JSONValue(parsing: rest))?.objectValue else {
            throw EnvelopeFailure(field: "message", reason: "not a JSON object")
        }
        let fields = FieldReader(members: members)
        let message = Message(
            messageID: try fields.string("message_id"), type: try fields.choice("message_type", MessageType.self),
            senderID: try fields.string("sender_id"), timestamp: try fields.timestamp("timestamp"),
            roundNumber: try fields.integer("round_number", in: FieldReader.rounds),
            metadata: try fields.object("metadata"))
        return (message, try fields.string("checksum"), payload)
    }
}

/// Finds one member of a JSON object without looking into the values of the others; what is no JSON is left to the
/// parser, which gets all the rest.
struct TopLevelScanner {
    private let text: UnsafeRawBufferPointer
    private var position = 0

    init(_ text: UnsafeRawBufferPointer) { self.text = text }

    /// The bytes between the quotes of a string member, which stands there once.
    mutating func find(_ name: String) throws(EnvelopeFailure) -> Range<Int> {
        var found: Range<Int>?
        skipBlanks()
        guard take(UInt8(ascii: "{")) else { throw broken("a JSON object begins with {") }
        skipBlanks()
        while !isAtEnd, text[position] != UInt8(ascii: "}") {
            let key = try string()
            skipBlanks()
            guard take(UInt8(ascii: ":")) else { throw broken("a : is missing") }
            skipBlanks()
            if try isName(key, name) {
                guard found == nil else { throw EnvelopeFailure(field: name, reason: "comes twice", offset: position) }
                guard !isAtEnd, text[position] == UInt8(ascii: "\"") else {
                    throw EnvelopeFailure(field: name, reason: "has to be a string", offset: position)
                }
                found = try string()
            } else {
                try skipValue()
            }
            skipBlanks()
            _ = take(UInt8(ascii: ","))
            skipBlanks()
        }
        guard let found else { throw EnvelopeFailure(field: name, reason: "is missing") }
        return found
    }

    private var isAtEnd: Bool { position >= text.count }

    /// Keys may be written with escapes, too.
    private func isName(_ key: Range<Int>, _ name: String) throws(EnvelopeFailure) -> Bool {
        let bytes = text[key]
        guard bytes.contains(UInt8(ascii: "\\")) else { return bytes.elementsEqual(name.utf8) }
        let quoted = Array(text[key.lowerBound - 1..<key.upperBound + 1])
        return (try? JSONValue(parsing: quoted))?.stringValue == name
    }

    private mutating func skipBlanks() {
        while !isAtEnd, [0x20, 0x09, 0x0a, 0x0d].contains(text[position]) { position += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard !isAtEnd, text[position] == byte else { return false }
        position += 1
        return true
    }

    /// Goes behind a string and gives what is between its quotes, escapes and all.
    private mutating func string() throws(EnvelopeFailure) -> Range<Int> {
        guard take(UInt8(ascii: "\"")) else { throw broken("a string is missing") }
        let start = position
        while let quote = next(UInt8(ascii: "\"")) {
            var slashes = 0
            while quote - slashes > start, text[quote - slashes - 1] == UInt8(ascii: "\\") { slashes += 1 }
            position = quote + 1
            if slashes % 2 == 0 { return start..<quote }
        }
        throw broken("a string does not end")
    }

    private func next(_ byte: UInt8) -> Int? {
        guard !isAtEnd, let base = text.baseAddress,
            let found = memchr(base + position, Int32(byte), text.count - position)
        else { return nil }
        return UnsafeRawPointer(found) - base
    }

    /// Goes behind any value, by counting brackets outside strings.
    private mutating func skipValue() throws(EnvelopeFailure) {
        var depth = 0
        while !isAtEnd {
            switch text[position] {
            case UInt8(ascii: "\""): _ = try string()
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                position += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { return }
                depth -= 1
                position += 1
            case UInt8(ascii: ","):
                if depth == 0 { return }
                position += 1
            default: position += 1
            }
        }
    }

    private func broken(_ reason: String) -> EnvelopeFailure {
        EnvelopeFailure(field: "message", reason: reason, offset: position)
    }
}
