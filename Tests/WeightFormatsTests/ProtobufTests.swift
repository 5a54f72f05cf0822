import Testing
import WeightFormats
import Weights
import WireJSON

private let limits = DecodeLimits(decodedBytes: 1 << 20)

private func decoder(_ limits: DecodeLimits = limits) -> ProtobufDecoder { ProtobufDecoder(limits: limits) }

/// A field of wire type 2 whose length says the truth unless told otherwise.
private func field(_ number: UInt8, _ bytes: [UInt8], length: [UInt8]? = nil) -> [UInt8] {
    [number << 3 | 2] + (length ?? varint(UInt64(bytes.count))) + bytes
}

private func varint(_ value: UInt64) -> [UInt8] {
    value < 0x80 ? [UInt8(value)] : [UInt8(value & 0x7f) | 0x80] + varint(value >> 7)
}

private func array(_ fields: [UInt8]...) -> [UInt8] { field(2, fields.flatMap { $0 }) }

private let bytes2 = field(3, Array("uint8".utf8))
private let plain = array(field(2, [2]), bytes2, field(4, [7, 8]))
private let entry = field(1, field(1, Array("k".utf8)) + field(2, Array("v".utf8)))

/// Made by Google's serializer for Python (7.36) in deterministic mode; its parser unpacks what it packs.
private let fixture = """
    CgkKAWESBHRleHQKCQoFZW1wdHkSAAoJCgFuEgQxLjEwCiEKDHF1YW50aXphdGlvbhIRW3siYml0cyI6OH0sbnVsbF0SJBICAgMaB2Zsb2F0MTYi\
    DAAAADwAQABCAEQARSoHbGF5ZXIuMBIpCAESAgIDGgdmbG9hdDMyIhgAAIA/AAAAQAAAQEAAAIBAAACgQAAAwEASSggCEgICAxoHZmxvYXQ2NCIw\
    AAAAAAAAAEAAAAAAAAAIQAAAAAAAABBAAAAAAAAAFEAAAAAAAAAYQAAAAAAAABxAKgdsYXllci4yEh4IAxICAgMaCGJmbG9hdDE2IgxAQIBAoEDA\
    QOBAAEESJggEEgICAxoNZmxvYXQ4X2U0bTNmbiIGSEpMTlBRKgdsYXllci40EhsIBRICAgMaC2Zsb2F0OF9lNW0yIgZFRkdISEkSHQgGEgICAxoE\
    aW50OCIGBgcICQoLKgdsYXllci42EhsIBxICAgMaBWludDE2IgwHAAgACQAKAAsADAASMAgIEgICAxoFaW50MzIiGAgAAAAJAAAACgAAAAsAAAAM\
    AAAADQAAACoHbGF5ZXIuOBI/CAkSAgIDGgVpbnQ2NCIwCQAAAAAAAAAKAAAAAAAAAAsAAAAAAAAADAAAAAAAAAANAAAAAAAAAA4AAAAAAAAAEh8I\
    ChICAgMaBXVpbnQ4IgYKCwwNDg8qCGxheWVyLjEwEhwICxICAgMaBnVpbnQxNiIMCwAMAA0ADgAPABAAEjIIDBICAgMaBnVpbnQzMiIYDAAAAA0A\
    AAAOAAAADwAAABAAAAARAAAAKghsYXllci4xMhJACA0SAgIDGgZ1aW50NjQiMA0AAAAAAAAADgAAAAAAAAAPAAAAAAAAABAAAAAAAAAAEQAAAAAA\
    AAASAAAAAAAAABIeCA4SAgIDGgRib29sIgYAAQABAAEqCGxheWVyLjE0Eh0IDxoHZmxvYXQ2NCIIAAAAAAAABEAqBnNjYWxhchIOCBASAwCsAhoF\
    aW50MTY=
    """
private let fixtureMetadata: [String: JSONValue] = [
    "a": .string("text"), "empty": .string(""), "n": .string("1.10"),
    "quantization": .array([.object(["bits": .integer(8)]), .null]),
]

@Suite struct ProtobufTests {
    @Test(arguments: [1, 2, 3, 7, 64, Int.max])
    func readsWhatPythonWrites(pieces: Int) throws {
        let decoded = try decodeBody(decoder(), try fixtureBytes(base64: fixture), pieces: pieces)
        #expect(decoded.arrays == (try fixtureArrays()))
        #expect(decoded.metadata == fixtureMetadata)
    }

    @Test func writesWhatPythonWrites() throws {
        let arrays = try fixtureArrays()
        let encoder = ProtobufEncoder(arrays: arrays.map(\.spec), metadata: fixtureMetadata)
        #expect(try encodeBody(encoder, arrays) == (try fixtureBytes(base64: fixture)))
    }

    @Test func truncationsAreRefused() throws {
        // A body may end behind any array, and a message whose length says so.
        expectTruncationsRefused(plain) { decoder() }
        let whole = array(
            [8, 1], field(2, [2, 3]), bytes2, field(4, [1, 2, 3, 4, 5, 6]), field(5, Array("name".utf8)))
        expectTruncationsRefused(whole) { decoder() }
        expectTruncationsRefused(entry + whole) { decoder() }
    }

    @Test func spoiltBytesNeverCrash() throws { expectNoCrash(entry + plain) { decoder() } }

    @Test func readsFieldsInAnyOrderAndSkipsUnknownOnes() throws {
        let expected = try namedArray(.uint8, [1, 2], "w", [7, 8])
        let unknown = field(9, [1, 2, 3]) + [10 << 3 | 5, 1, 2, 3, 4, 11 << 3 | 1, 1, 2, 3, 4, 5, 6, 7, 8]
        let odd = unknown + [12 << 3, 0x80, 1]
        let orders: [[UInt8]] = [
            array(field(5, Array("w".utf8)), field(4, [7, 8]), bytes2, field(2, [1, 2]), [8, 5]),
            // One by one, packed, and mixed.
            array([16, 1, 16, 2], bytes2, field(4, [7, 8]), field(5, Array("w".utf8))),
            array([16, 1], field(2, [2]), bytes2, field(4, [7, 8]), field(5, Array("w".utf8))),
            odd + array(odd, field(2, [1, 2]), bytes2, odd, field(4, [7, 8]), field(5, Array("w".utf8)), odd) + odd,
        ]
        for body in orders {
            for pieces in [1, Int.max] { #expect(try decodeBody(decoder(), body, pieces: pieces).arrays == [expected]) }
        }
        expectTruncationsRefused(orders[3].dropLast(odd.count)) { decoder() }
    }

    @Test func bigEndianElementsAreToldApart() throws {
        let body = array(field(2, [2]), field(3, Array(">i2".utf8)), field(4, [0, 1, 0, 2]))
        #expect(try decodeBody(decoder(), body).arrays == [try namedArray(.int16, [2], nil, [1, 0, 2, 0])])
    }

    @Test(
        arguments: [
            ([], "weights is empty", 0, nil),
            (entry, "weights is empty", 8, nil),
            (plain + plain, "layer_id 0", 16, 1),
            (array([8, 3, 8, 3]), "layer_id comes twice", 4, 0),
            (array([8] + varint(1 << 32)), "layer_id 4294967296 is over", 2, 0),
            (array(bytes2, bytes2), "dtype comes twice", 9, 0),
            (array(field(4, [1]), field(4, [1])), "data comes twice", 5, 0),
            (array(field(3, Array("complex64".utf8))), "complex64", 2, 0),
            (array(field(3, Array(repeating: 97, count: 33))), "dtype has 33 bytes", 2, 0),
            (array(field(3, [0xff])), "dtype is not UTF-8", 2, 0),
            (array(field(4, [1])), "no dtype", 5, 0),
            (array(field(2, [2]), bytes2, field(4, [1])), "data has 1 bytes", 12, 0),
            (array(field(4, [1]), field(2, [2]), bytes2), "data has 1 bytes", 4, 0),
            (array(field(2, [2]), bytes2), "data has 0 bytes", 12, 0),
            (array(field(2, Array(repeating: 1, count: 33)), bytes2), "more than 32", 2, 0),
            (array(field(2, [0x80])), "within a varint", 5, 0),
            (array(field(2, [1] + Array(repeating: 0xff, count: 10))), "64 bits", 14, 0),
            (array([13, 0, 0, 0, 0]), "field 1 (layer_id) has wire type 5", 2, 0),
            ([3 << 3 | 3], "field 3 has wire type 3", 0, nil),
            ([2], "field number 0", 0, nil),
            (field(2, [8], length: [1]) + [9, 9], "behind the end of its message", 3, 0),
            (array([8, 0x80]) + [1], "behind the end of its message", 4, 0),
            (array(field(4, [1], length: [2])), "data has 2 bytes, more than the 1", 4, 0),
            (array([13 << 3 | 5, 1]), "behind the end of its message", 2, 0),
            (entry + entry, "metadata key \"k\" comes twice", 13, nil),
            (field(1, field(1, [0xff])), "key is not UTF-8", 2, nil),
        ] as [([UInt8], String, UInt64, Int?)])
    func refusalsNameTheFieldAndThePlace(body: [UInt8], words: String, offset: UInt64, index: Int?) {
        for pieces in [1, Int.max] {
            let failure = #expect(throws: WeightFailure.self) { try decodeBody(decoder(), body, pieces: pieces) }
            #expect(failure?.reason.contains(words) == true, "\(failure?.reason ?? "") instead of \(words)")
            #expect(failure?.offset == offset, "\(words)")
            #expect(failure?.array == index, "\(words)")
        }
    }

    @Test func limitsHoldBeforeAnyElementComes() throws {
        var few = limits
        few.decodedBytes = 3
        few.arrays = 2
        few.metadataBytes = 2
        let long: [UInt8] = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]
        let bodies: [[UInt8]] = [
            // The message says that it holds nearly 2^63 bytes, and so does its first field.
            [18] + long + [34] + [0xf0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
            [18] + long + [42] + [0xf0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
            plain + array([8, 1], field(2, [2]), bytes2, field(4, [], length: [2])),
            (0..<3).flatMap { array([8, $0], field(2, [0]), bytes2) },
            field(1, field(1, [97, 98, 99])),
        ]
        for body in bodies {
            let failure = #expect(throws: WeightFailure.self) { try decodeBody(decoder(few), body) }
            #expect(failure?.limit != nil || failure?.reason.contains("more than the") == true, "\(body)")
        }
        #expect(try decodeBody(decoder(few), plain).arrays.count == 1)
    }

    @Test func theEncoderRefusesWhatProtobufCannotHold() throws {
        let large = try #require(ArraySpec(dtype: .uint8, shape: [1 << 31]))
        let encoder = ProtobufEncoder(arrays: [large], metadata: [:])
        let failure = #expect(throws: WeightFailure.self) {
            try encoder.write({ _ in UnsafeRawBufferPointer(start: nil, count: 0) }, to: { _ in })
        }
        #expect(failure?.limit == UInt64(Int32.max))
        #expect(throws: WeightFailure.self) { try encodeBody(ProtobufEncoder(arrays: [], metadata: [:]), []) }
        let two = try namedArray(.uint8, [2], nil, [1])
        #expect(throws: WeightFailure.self) {
            try encodeBody(ProtobufEncoder(arrays: [two.spec], metadata: [:]), [two])
        }
        let bad = ProtobufEncoder(arrays: [two.spec], metadata: ["a": .array([.number(.nan)])])
        #expect(throws: WeightFailure.self) { try encodeBody(bad, [two]) }
    }

    @Test func metadataThatIsNoTextRoundTripsAsJSONText() throws {
        let arrays = [try namedArray(.uint8, [1], "w", [1])]
        let encoder = ProtobufEncoder(
            arrays: arrays.map(\.spec),
            metadata: ["n": .integer(3), "o": .object(["a": .array([.bool(true)])]), "s": .string("[no json")])
        let decoded = try decodeBody(decoder(), try encodeBody(encoder, arrays))
        let expected: [String: JSONValue] = [
            "n": .string("3"), "o": .object(["a": .array([.bool(true)])]), "s": .string("[no json"),
        ]
        #expect(decoded.metadata == expected)
    }
}
