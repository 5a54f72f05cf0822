internal import WireJSON

/// A small message's JSON object, kept as the bytes that were sent, so that no number in it changes on its way.
struct MessageText: Sendable, Hashable {
    /// Why bytes are none.
    struct Fault: Error {
        let reason: String
    }

    /// UTF-8 in one line: line breaks between tokens became blanks.
    let line: [UInt8]

    /// - Parameter bytes: any.
    init(_ bytes: UnsafeRawBufferPointer) throws(Fault) { (self, _) = try Self.read(bytes) }

    private init(line: [UInt8]) { self.line = line }

    /// The text, and its members for who has to look into it.
    static func read(_ bytes: UnsafeRawBufferPointer) throws(Fault) -> (MessageText, [String: JSONValue]) {
        guard let first = bytes.first(where: { !isBlank($0) }) else {
            throw Fault(reason: "it is empty; it has to be a JSON object")
        }
        // The parser would take other encodings of Unicode, which do not fit into a line of UTF-8.
        guard !bytes.contains(0), String(validating: bytes, as: UTF8.self) != nil else {
            throw Fault(reason: "it is not UTF-8; it has to be a JSON object")
        }
        guard first == UInt8(ascii: "{"), JSONSyntax.check(bytes), let value = try? JSONValue(parsing: bytes),
            let members = value.objectValue
        else {
            let hint = "nested \(JSONSyntax.mostDepth) deep at most, such as {\"state\": \"training\"}"
            throw Fault(reason: "it has to be a JSON object, " + hint)
        }
        // Inside of strings JSON has no bare line breaks.
        let line = bytes.map { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") ? UInt8(ascii: " ") : $0 }
        return (MessageText(line: line), members)
    }

    private static func isBlank(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0A, 0x0D].contains(byte) }
}

/// Small JSON answers around texts that are not parsed again.
struct JSONLine {
    private(set) var bytes: [UInt8] = []

    mutating func raw(_ text: String) { bytes.append(contentsOf: text.utf8) }
    mutating func string(_ text: String) { JSONValue.append(text, to: &bytes) }
    mutating func text(_ text: MessageText) { bytes.append(contentsOf: text.line) }

    /// Elements with commas between them.
    mutating func list<Element>(_ elements: some Sequence<Element>, _ write: (Element, inout JSONLine) -> Void) {
        raw("[")
        var isFirst = true
        for element in elements {
            if !isFirst { raw(",") }
            isFirst = false
            write(element, &self)
        }
        raw("]")
    }
}
