import Digests
import Testing

@Suite struct SHA256Tests {
    /// The examples of FIPS 180-4 and the empty message.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func agreesWithTheStandard(text: String, expected: String) {
        let whole = Array(text.utf8).withUnsafeBytes { SHA256.digest(of: $0) }
        #expect(Hex.encode(whole) == expected)
    }

    @Test func piecesGiveTheSameAsTheWhole() {
        let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var pieces = SHA256()
        for start in stride(from: 0, to: bytes.count, by: 777) {
            bytes[start..<min(start + 777, bytes.count)].withUnsafeBytes { pieces.update($0) }
        }
        #expect(pieces.finalize() == bytes.withUnsafeBytes { SHA256.digest(of: $0) })
    }
}

@Suite struct SHA512Tests {
    /// The example of FIPS 180-4.
    @Test func agreesWithTheStandard() {
        let digest = Array("abc".utf8).withUnsafeBytes { SHA512.digest(of: $0) }
        let expected =
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        #expect(Hex.encode(digest) == expected)
    }
}
