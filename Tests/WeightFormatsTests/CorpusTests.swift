import Files
import Testing
import WeightFormats
import Weights

/// What the fuzzer began with and what it found (Fuzz/Corpus): it must end in weights or in a refusal, the same however
/// the bytes are cut.
@Suite struct CorpusTests {
    private static let corpus =
        #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" } + "/Fuzz/Corpus/"

    @Test(arguments: WeightFormats.all.filter { $0.decoder != nil }.map(\.name))
    func everyInputEndsWell(format: String) throws {
        let directory = try Directory(making: Self.corpus + format)
        let names = try directory.names
        #expect(!names.isEmpty, "Fuzz/Corpus/\(format) needs a seed")
        for name in names {
            try File(reading: directory.file(name)).withMapping { bytes in
                guard !bytes.isEmpty else { return }
                let input = UnsafeRawBufferPointer(rebasing: bytes[1...])
                let whole = Result { try decode(input, format, piece: max(1, input.count)) }
                for piece in [1, 7, max(1, Int(bytes[0]))] {
                    let cut = Result { try decode(input, format, piece: piece) }
                    #expect((try? whole.get()) == (try? cut.get()), "\(name) in pieces of \(piece)")
                }
            }
        }
    }

    private func decode(_ input: UnsafeRawBufferPointer, _ format: String, piece: Int) throws -> [DecodedArray] {
        guard let decoder = WeightFormats.named(format)?.decoder?(DecodeLimits(decodedBytes: 1 << 20)) else {
            return []
        }
        let sink = DroppingSink()
        for start in stride(from: 0, to: input.count, by: piece) {
            try decoder.feed(
                UnsafeRawBufferPointer(rebasing: input[start..<min(start + piece, input.count)]), to: sink)
        }
        return try decoder.finish(to: sink).arrays
    }
}
