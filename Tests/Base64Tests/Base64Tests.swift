import Testing

@testable import Base64

private func decode(_ text: String) throws -> [UInt8] {
    let characters = Array(text.utf8)
    return try [UInt8](unsafeUninitializedCapacity: Base64.decodingRoom(characters.count)) { buffer, count in
        let target = try #require(UnsafeMutableRawPointer(buffer.baseAddress))
        count = try characters.withUnsafeBytes { try Base64.decode($0, to: target) }
    }
}

private func encode(_ bytes: [UInt8]) -> String {
    let whole = bytes.count / 3 * 3
    var text = [UInt8](unsafeUninitializedCapacity: Base64.encodedCount(bytes.count)) { buffer, count in
        if let base = buffer.baseAddress { bytes.prefix(whole).withUnsafeBytes { Base64.encode($0, to: base) } }
        count = whole / 3 * 4
    }
    if whole < bytes.count { text += Base64.tail(Array(bytes[whole...])) }
    return String(decoding: text, as: UTF8.self)
}

@Suite struct Base64Tests {
    /// RFC 4648, section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func agreesWithTheStandard(text: String, encoded: String) throws {
        #expect(encode(Array(text.utf8)) == encoded)
        #expect(try decode(encoded) == Array(text.utf8))
    }

    @Test func everyLengthAndByteRoundTrips() throws {
        let source = (0..<600).map { UInt8(truncatingIfNeeded: $0 * 7 ^ $0 >> 3) }
        for count in 0..<source.count {
            let bytes = Array(source.suffix(count))
            let text = encode(bytes)
            #expect(text == base64(bytes))
            #expect(try decode(text) == bytes)
        }
    }

    @Test func everyByteOutsideTheAlphabetIsRefusedWhereverItStands() {
        let alphabet = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        for place in 0..<20 {
            for byte in UInt8.min...UInt8.max where !alphabet.contains(byte) {
                var characters = [UInt8](repeating: UInt8(ascii: "A"), count: 20)
                characters[place] = byte
                if place == 19, byte == UInt8(ascii: "=") { continue }
                let failure = #expect(throws: Base64.Malformed.self) {
                    try characters.withUnsafeBytes { source in
                        try withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { target in
                            _ = try Base64.decode(source, to: #require(target.baseAddress))
                        }
                    }
                }
                #expect(failure?.offset == place)
            }
        }
    }

    @Test(arguments: [
        "A", "AA", "AAA", "AAAAA", "AA=A", "A===", "====", "AB==", "AAB=", "AA==AAAA", "AAA=AAAAAAAA", "AA\n=",
    ])
    func refusesWhatIsNotCanonical(text: String) {
        #expect(throws: Base64.Malformed.self) { try decode(text) }
    }

    @Test func decodesInPlace() throws {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 97) }
        var text = Array(base64(bytes).utf8) + [UInt8](repeating: 0, count: 8)
        let count = text.count - 8
        let decoded = try text.withUnsafeMutableBytes { buffer in
            let characters = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<count])
            return try Base64.decode(characters, to: #require(buffer.baseAddress))
        }
        #expect(Array(text.prefix(decoded)) == bytes)
    }
}

/// Base64 as a textbook has it, to compare with.
private func base64(_ bytes: [UInt8]) -> String {
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
