import Files
import Testing

/// What the fuzzer began with and what it found (Fuzz/Corpus), replayed.
@Suite struct ReplayTests {
    private static let corpus = #filePath.split(separator: "/").dropLast(2).reduce("") { "\($0)/\($1)" } + "/Corpus/"

    @Test(arguments: FuzzTarget.all.map(\.name))
    func everyInputEndsWell(name: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        let directory = try Directory(making: Self.corpus + name)
        let names = try directory.names
        #expect(!names.isEmpty, "Fuzz/Corpus/\(name) needs a seed")
        for name in names {
            try File(reading: directory.file(name)).withMapping { bytes in
                try target.run(bytes)
                guard !bytes.isEmpty else { return }
                let input = UnsafeRawBufferPointer(rebasing: bytes[1...])
                for piece in [1, 7, max(1, input.count)] { try target.check(input, piece) }
            }
        }
    }
}
