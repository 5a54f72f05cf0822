import Testing
import WeightFormats
import Weights
import WireJSON

private let limits = DecodeLimits(decodedBytes: 1 << 20)

private func decoder(_ limits: DecodeLimits = limits) -> MessagePackDecoder { MessagePackDecoder(limits: limits) }

private func str(_ text: String) -> [UInt8] { [0xa0 | UInt8(text.utf8.count)] + Array(text.utf8) }

private func bin(_ bytes: [UInt8]) -> [UInt8] { [0xc4, UInt8(bytes.count)] + bytes }

private func bin(_ text: String) -> [UInt8] { bin(Array(text.utf8)) }

private func map(_ entries: [[UInt8]]) -> [UInt8] { [0x80 | UInt8(entries.count)] + entries.flatMap { $0 } }

private func list(_ elements: [[UInt8]]) -> [UInt8] { [0x90 | UInt8(elements.count)] + elements.flatMap { $0 } }

private let nd = bin("nd") + [0xc3]
private let type = bin("type") + str("|u1")
private let kind = bin("kind") + bin("")
private let shape = bin("shape") + list([[1], [2]])
private let data = bin("data") + bin([7, 8])
private let plain = map([nd, type, kind, shape, data])

/// `{"metadata": …, "weights": […]}` by Python's msgpack 1.2 and msgpack-numpy 0.4.8, with `name` put before `data`.
private let fixture = """
    gqhtZXRhZGF0YYShYaR0ZXh0oWbLP+AAAAAAAACkbGlzdJnAw//Q380BLM4AARFwzwAAAQAAAAAA0v//Y8DT////AAAAAAChb4Giw6miw7ynd2VpZ2\
    h0c9wAEYbEAm5kw8QEdHlwZaM8ZjLEBGtpbmTEAMQFc2hhcGWSAgPEBG5hbWWnbGF5ZXIuMMQEZGF0YcQMAAAAPABAAEIARABFhcQCbmTDxAR0eXBl\
    ozxmNMQEa2luZMQAxAVzaGFwZZICA8QEZGF0YcQYAACAPwAAAEAAAEBAAACAQAAAoEAAAMBAhsQCbmTDxAR0eXBlozxmOMQEa2luZMQAxAVzaGFwZZ\
    ICA8QEbmFtZadsYXllci4yxARkYXRhxDAAAAAAAAAAQAAAAAAAAAhAAAAAAAAAEEAAAAAAAAAUQAAAAAAAABhAAAAAAAAAHECFxAJuZMPEBHR5cGWo\
    YmZsb2F0MTbEBGtpbmTEAMQFc2hhcGWSAgPEBGRhdGHEDEBAgECgQMBA4EAAQYbEAm5kw8QEdHlwZa1mbG9hdDhfZTRtM2ZuxARraW5kxADEBXNoYX\
    BlkgIDxARuYW1lp2xheWVyLjTEBGRhdGHEBkhKTE5QUYXEAm5kw8QEdHlwZatmbG9hdDhfZTVtMsQEa2luZMQAxAVzaGFwZZICA8QEZGF0YcQGRUZH\
    SEhJhsQCbmTDxAR0eXBlo3xpMcQEa2luZMQAxAVzaGFwZZICA8QEbmFtZadsYXllci42xARkYXRhxAYGBwgJCguFxAJuZMPEBHR5cGWjPGkyxARraW\
    5kxADEBXNoYXBlkgIDxARkYXRhxAwHAAgACQAKAAsADACGxAJuZMPEBHR5cGWjPGk0xARraW5kxADEBXNoYXBlkgIDxARuYW1lp2xheWVyLjjEBGRh\
    dGHEGAgAAAAJAAAACgAAAAsAAAAMAAAADQAAAIXEAm5kw8QEdHlwZaM8aTjEBGtpbmTEAMQFc2hhcGWSAgPEBGRhdGHEMAkAAAAAAAAACgAAAAAAAA\
    ALAAAAAAAAAAwAAAAAAAAADQAAAAAAAAAOAAAAAAAAAIbEAm5kw8QEdHlwZaN8dTHEBGtpbmTEAMQFc2hhcGWSAgPEBG5hbWWobGF5ZXIuMTDEBGRh\
    dGHEBgoLDA0OD4XEAm5kw8QEdHlwZaM8dTLEBGtpbmTEAMQFc2hhcGWSAgPEBGRhdGHEDAsADAANAA4ADwAQAIbEAm5kw8QEdHlwZaM8dTTEBGtpbm\
    TEAMQFc2hhcGWSAgPEBG5hbWWobGF5ZXIuMTLEBGRhdGHEGAwAAAANAAAADgAAAA8AAAAQAAAAEQAAAIXEAm5kw8QEdHlwZaM8dTjEBGtpbmTEAMQF\
    c2hhcGWSAgPEBGRhdGHEMA0AAAAAAAAADgAAAAAAAAAPAAAAAAAAABAAAAAAAAAAEQAAAAAAAAASAAAAAAAAAIbEAm5kw8QEdHlwZaN8YjHEBGtpbm\
    TEAMQFc2hhcGWSAgPEBG5hbWWobGF5ZXIuMTTEBGRhdGHEBgABAAEAAYbEAm5kw8QEdHlwZaM8ZjjEBGtpbmTEAMQFc2hhcGWQxARuYW1lpnNjYWxh\
    csQEZGF0YcQIAAAAAAAABECFxAJuZMPEBHR5cGWjPGkyxARraW5kxADEBXNoYXBlkgDNASzEBGRhdGHEAA==
    """
private let fixtureMetadata: [String: JSONValue] = [
    "a": .string("text"), "f": .number(0.5), "o": .object(["é": .string("ü")]),
    "list": .array([
        .null, .bool(true), .integer(-1), .integer(-33), .integer(300), .integer(70000), .integer(1 << 40),
        .integer(-40000), .integer(-1 << 40),
    ]),
]

/// What `msgpack.packb(…, default=msgpack_numpy.encode)` gives.
private enum Library {
    /// Of `[np.arange(4, dtype=np.int32).reshape(2, 2), np.float32(1.5)]`.
    static let list =
        "koXEAm5kw8QEdHlwZaM8aTTEBGtpbmTEAMQFc2hhcGWSAgLEBGRhdGHEEAAAAAABAAAAAgAAAAMAAACDxAJuZMLEBHR5cGWjPGY0xARkYXRhxAQAAMA/"
    /// Of `np.arange(3, dtype=">f4")`.
    static let one = "hcQCbmTDxAR0eXBloz5mNMQEa2luZMQAxAVzaGFwZZEDxARkYXRhxAwAAAAAP4AAAEAAAAA="
    /// Of `np.asfortranarray(np.arange(6, dtype=np.uint8).reshape(2, 3))`.
    static let fortran = "hcQCbmTDxAR0eXBlo3x1McQEa2luZMQAxAVzaGFwZZICA8QEZGF0YcQGAAECAwQF"
    /// Of `{"weights": [np.arange(3, dtype=np.int16)], "metadata": {"k": "v"}}`, `use_bin_type=False`.
    static let old = "gqd3ZWlnaHRzkYWibmTDpHR5cGWjPGkypGtpbmSgpXNoYXBlkQOkZGF0YaYAAAEAAgCobWV0YWRhdGGBoWuhdg=="
    /// Of `[np.array([1, None], dtype=object)]`; it has a pickle in it.
    static let object = """
        kYXEAm5kw8QEdHlwZZGSoKJ8T8QEa2luZMQBT8QFc2hhcGWRAsQEZGF0YcTGgAJjbnVtcHkuX2NvcmUubXVsdGlhcnJheQpfcmVjb25zdHJ1Y3QKcQ\
        BjbnVtcHkKbmRhcnJheQpxAUsAhXECY19jb2RlY3MKZW5jb2RlCnEDWAEAAABicQRYBgAAAGxhdGluMXEFhnEGUnEHh3EIUnEJKEsBSwKFcQpjbnVt\
        cHkKZHR5cGUKcQtYAgAAAE84cQyJiIdxDVJxDihLA1gBAAAAfHEPTk5OSv////9K/////0s/dHEQYoldcREoSwFOZXRxEmIu
        """
}

@Suite struct MessagePackTests {
    @Test(arguments: [1, 2, 3, 7, 64, Int.max])
    func readsWhatPythonWrites(pieces: Int) throws {
        let decoded = try decodeBody(decoder(), try fixtureBytes(base64: fixture), pieces: pieces)
        #expect(decoded.arrays == (try fixtureArrays()))
        #expect(decoded.metadata == fixtureMetadata)
    }

    @Test func writesWhatPythonWrites() throws {
        let arrays = try fixtureArrays()
        let encoder = MessagePackEncoder(arrays: arrays.map(\.spec), metadata: fixtureMetadata)
        #expect(try encodeBody(encoder, arrays) == (try fixtureBytes(base64: fixture)))
    }

    @Test func readsWhatTheLibraryGivesOfItself() throws {
        let cases: [(String, [Decoded.Element])] = [
            (
                Library.list,
                [
                    try namedArray(.int32, [2, 2], nil, (0..<4).flatMap { littleEndian(Int32($0)) }),
                    try namedArray(.float32, [], nil, littleEndian(Float(1.5).bitPattern)),
                ]
            ),
            (
                Library.one,
                [try namedArray(.float32, [3], nil, (0..<3).flatMap { littleEndian(Float($0).bitPattern) })]
            ),
            (Library.fortran, [try namedArray(.uint8, [2, 3], nil, [0, 1, 2, 3, 4, 5])]),
            (Library.old, [try namedArray(.int16, [3], nil, [0, 0, 1, 0, 2, 0])]),
        ]
        for (text, expected) in cases {
            let body = try fixtureBytes(base64: text)
            for pieces in [1, Int.max] { #expect(try decodeBody(decoder(), body, pieces: pieces).arrays == expected) }
            expectTruncationsRefused(body) { decoder() }
        }
        #expect(try decodeBody(decoder(), try fixtureBytes(base64: Library.old)).metadata == ["k": .string("v")])
        let failure = #expect(throws: WeightFailure.self) {
            try decodeBody(decoder(), try fixtureBytes(base64: Library.object))
        }
        #expect(failure?.reason.contains("type is") == true || failure?.reason.contains("kind is O") == true)
    }

    @Test func truncationsAndSpoiltBytesAreRefused() throws {
        let body = map([
            str("metadata") + map([str("a") + list([[0xcb, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0], [0xd0, 0x80], str("é")])]),
            str("weights") + list([plain]), str("unknown") + [0xc7, 2, 9, 1, 2],
        ])
        #expect(try decodeBody(decoder(), body).arrays == [try namedArray(.uint8, [1, 2], nil, [7, 8])])
        expectTruncationsRefused(body) { decoder() }
        expectNoCrash(body) { decoder() }
    }

    @Test func keysInAnyOrderBinOrStrAndUnknownOnes() throws {
        let expected = try namedArray(.uint8, [1, 2], "w", [7, 8])
        let odd =
            str("odd")
            + map([list([[0xc0], [0xd4, 1, 2]]) + map([[1, 0xc2]]), bin("x") + [0xc9, 0, 0, 0, 1, 5, 6]])
        let name = str("name") + str("w")
        let bodies = [
            map([data, shape, odd, name, kind, type, nd]),
            map([
                odd, str("data") + str("\u{7}\u{8}"),
                str("shape") + list([[0xcc, 1], [0xd3, 0, 0, 0, 0, 0, 0, 0, 2]]),
                str("type") + bin("uint8"), bin("name") + bin("w"), str("nd") + [0xc3],
            ]),
            map([str("weights") + list([map([name, nd, type, shape, data])]), odd, str("metadata") + [0xc0]]),
            map([bin("weights") + list([map([name, odd, nd, type, shape, data])]), bin("metadata") + map([])]),
            list([map([name, nd, type, shape, data])]),
        ]
        for body in bodies {
            for pieces in [1, Int.max] { #expect(try decodeBody(decoder(), body, pieces: pieces).arrays == [expected]) }
            expectTruncationsRefused(body) { decoder() }
        }
    }

    @Test(
        arguments: [
            ([0xc1], "byte 193", 0, nil),
            ([0xc0], "the body is nil", 0, nil),
            (map([]), "neither weights nor nd", 1, nil),
            (list([]), "weights is empty", 1, nil),
            (map([str("weights") + [0x90]]), "weights is empty", 10, nil),
            (map([str("weights") + [0x80]]), "weights is a map", 9, nil),
            (list([[0x05]]), "weights[0] is 5", 1, nil),
            (list([plain, plain]) + [0], "left over", 89, nil),
            (map([[1, 2]]), "a key is 1", 1, nil),
            (map([type, type]), "comes twice", 11, 0),
            (map([str("metadata") + map([str("a") + [1], str("a") + [2]])]), "comes twice", 14, nil),
            (map([str("metadata") + map([str("a") + bin("b")])]), "bin", 13, nil),
            (map([str("metadata") + map([str("a") + [0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0]])]), "nan", 13, nil),
            (map([str("metadata") + list([])]), "metadata is an array", 10, nil),
            (map([type, kind, shape, data]), "no nd", 39, 0),
            (map([nd, kind, shape, data]), "no type", 34, 0),
            (map([nd, type, kind, shape]), "no data", 34, 0),
            (map([nd, type, kind, data]), "no shape", 34, 0),
            (map([nd, type, shape, bin("data") + bin([7])]), "data has 1 bytes", 32, 0),
            (map([bin("data") + bin([7]), nd, type, shape]), "data has 1 bytes", 7, 0),
            (map([bin("type") + str("<c8")]), "\"<c8\"", 7, 0),
            (map([bin("type") + list([])]), "bfloat16", 7, 0),
            (map([bin("kind") + bin("O")]), "pickled", 7, 0),
            (map([bin("kind") + bin("V")]), "structured", 7, 0),
            (map([bin("kind") + bin("x")]), "instead of empty", 7, 0),
            (map([bin("shape") + list([[0xff]])]), "shape holds -1", 9, 0),
            (map([bin("shape") + [0xdc, 0, 33]]), "33 dimensions", 8, 0),
            (map([nd, bin("nd") + [0xc2]]), "comes twice", 6, 0),
            (map([bin("nd") + [1]]), "nd is 1", 5, 0),
            (map([bin("name") + bin([0xff])]), "not UTF-8", 7, 0),
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
        few.metadataBytes = 40
        let large: [UInt8] = [0xff, 0xff, 0xff, 0xff]
        let bodies: [[UInt8]] = [
            [0xdd] + large,
            [0x81] + bin("data") + [0xc6] + large,
            [0x81] + bin("name") + [0xdb] + large,
            [0x81] + bin("type") + [0xdb] + large,
            [0x81] + bin("shape") + [0xdd] + large,
            [0x81, 0xdb] + large,
            [0x81] + str("metadata") + [0x81, 0xdb] + large,
            [0x81] + str("metadata") + [0x81] + str("a") + [0xdd] + large + [UInt8](repeating: 0xc0, count: 50),
            [0x81] + str("metadata") + [0x81] + str("a") + [UInt8](repeating: 0x91, count: 70),
            list([plain, map([nd, type, kind, data])]),
        ]
        for body in bodies {
            let failure = #expect(throws: WeightFailure.self) { try decodeBody(decoder(few), body) }
            #expect(failure?.limit != nil, "\(failure?.reason ?? "")")
        }
        #expect(try decodeBody(decoder(few), plain).arrays.count == 1)
        var deep = limits
        deep.metadataBytes = 1 << 20
        let failure = #expect(throws: WeightFailure.self) {
            try decodeBody(
                decoder(deep), [0x81] + str("metadata") + [0x81] + str("a") + [UInt8](repeating: 0x91, count: 70))
        }
        #expect(failure?.limit == 64)
    }

    @Test func theEncoderRefusesWhatMessagePackCannotHold() throws {
        let large = try #require(ArraySpec(dtype: .uint8, shape: [1 << 32]))
        let failure = #expect(throws: WeightFailure.self) {
            try MessagePackEncoder(arrays: [large], metadata: [:]).write(
                { _ in UnsafeRawBufferPointer(start: nil, count: 0) }, to: { _ in })
        }
        #expect(failure?.limit == UInt64(UInt32.max))
        #expect(throws: WeightFailure.self) { try encodeBody(MessagePackEncoder(arrays: [], metadata: [:]), []) }
        let two = try namedArray(.uint8, [2], nil, [1])
        #expect(throws: WeightFailure.self) {
            try encodeBody(MessagePackEncoder(arrays: [two.spec], metadata: [:]), [two])
        }
    }

    @Test func longTextsAndManyEntriesRoundTrip() throws {
        let sizes = [31, 32, 255, 256, 65535, 65536]
        let numbers = (0..<70_000).map { JSONValue.integer(Int64($0) - 35_000) }
        var metadata: [String: JSONValue] = ["numbers": .array(numbers)]
        for size in sizes { metadata["t\(size)"] = .string(String(repeating: "x", count: size)) }
        metadata["map"] = .object(Dictionary(uniqueKeysWithValues: (0..<20).map { ("k\($0)", .integer(.min)) }))
        let arrays = try sizes.map { try namedArray(.uint8, [UInt64($0)], nil, Array(repeating: 3, count: $0)) }
        let body = try encodeBody(MessagePackEncoder(arrays: arrays.map(\.spec), metadata: metadata), arrays)
        #expect(try decodeBody(decoder(), body) == Decoded(arrays: arrays, metadata: metadata))
    }
}
