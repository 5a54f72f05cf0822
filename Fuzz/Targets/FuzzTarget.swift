/// A parser, and what has to hold whatever it is given: it ends, in a result or in a refusal, and the two agree however
/// the input is cut.
///
/// libFuzzer runs it (Fuzz/run), and so do the tests, with what is in Fuzz/Corpus.
struct FuzzTarget: Sendable {
    /// Of its directory in Fuzz/Corpus.
    let name: String
    /// - Parameters:
    ///   - input: of the parser.
    ///   - piece: bytes that it is given at a time.
    /// - Throws: `Broken`.
    let check: @Sendable (_ input: UnsafeRawBufferPointer, _ piece: Int) throws -> Void

    static let all: [FuzzTarget] =
        weightFormats + codecs
        + [
            FuzzTarget(name: "byteplane", check: Byteplane.check), FuzzTarget(name: "base64", check: Base64Text.check),
            FuzzTarget(name: "multipart", check: Multipart.check), FuzzTarget(name: "message", check: Messages.check),
            FuzzTarget(name: "event", check: Events.check), FuzzTarget(name: "package", check: Packages.check),
            FuzzTarget(name: "chunks", check: Chunks.check),
            FuzzTarget(name: "small_message", check: SmallMessages.check),
        ]

    /// Runs an input whose first byte says how the rest is cut; 0 not at all.
    func run(_ input: UnsafeRawBufferPointer) throws {
        guard let first = input.first else { return }
        let rest = UnsafeRawBufferPointer(rebasing: input[1...])
        try check(rest, first == 0 ? max(1, rest.count) : Int(first))
    }
}

/// A parser that did what it must not.
struct Broken: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

extension UnsafeRawBufferPointer {
    /// Gives the bytes piece by piece.
    func cut(_ piece: Int, _ body: (UnsafeRawBufferPointer) throws -> Void) rethrows {
        for start in stride(from: 0, to: count, by: piece) {
            try body(UnsafeRawBufferPointer(rebasing: self[start..<Swift.min(start + piece, count)]))
        }
    }
}

/// Refuses to go on with what does not hold.
func require(_ condition: Bool, _ description: @autoclosure () -> String) throws {
    guard condition else { throw Broken(description()) }
}
