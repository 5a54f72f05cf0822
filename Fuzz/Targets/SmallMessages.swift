import WireJSON

@testable import Gateway

/// The JSON object of a small message: the line that is kept of it says the same.
enum SmallMessages {
    static func check(_ input: UnsafeRawBufferPointer, _ piece: Int) throws {
        guard let (text, members) = try? MessageText.read(input) else { return }
        try require(!text.line.contains(UInt8(ascii: "\n")), "a line with a line break")
        try text.line.withUnsafeBytes { line in
            guard let (again, same) = try? MessageText.read(line) else { throw Broken("the line is refused") }
            try require(again == text && same == members, "the line says something else")
        }
        // Numbers may change their kind: 3.0 is the integer 3.
        let written = try JSONValue(parsing: try JSONValue.object(members).encoded())
        try require(written.objectValue?.keys == members.keys, "other members than before")
    }
}
