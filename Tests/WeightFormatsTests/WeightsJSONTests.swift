import Testing
import WeightFormats
import Weights
import WireJSON

private let limits = DecodeLimits(decodedBytes: 1 << 20)

private func decoder(_ limits: DecodeLimits = limits) -> WeightsJSONDecoder { WeightsJSONDecoder(limits: limits) }

private func read(_ text: String, _ limits: DecodeLimits = limits, pieces: Int = .max) throws -> Decoded {
    try decodeBody(decoder(limits), Array(text.utf8), pieces: pieces)
}

/// `json.dumps` of Python 3.11 with base64 of NumPy's and ml_dtypes' arrays; no blanks, `ensure_ascii=False`.
private let fixture = #"""
    {"metadata":{"a":"text","f":0.5,"list":[null,true,-1,"\"\\\n"],"o":{"é":"ü😀"}},"weights":[{"name":"layer.0","sha\#
    pe":[2,3],"dtype":"float16","data":"AAAAPABAAEIARABF"},{"shape":[2,3],"dtype":"float32","data":"AACAPwAAAEAAAEBA\#
    AACAQAAAoEAAAMBA"},{"name":"layer.2","shape":[2,3],"dtype":"float64","data":"AAAAAAAAAEAAAAAAAAAIQAAAAAAAABBAAAA\#
    AAAAAFEAAAAAAAAAYQAAAAAAAABxA"},{"shape":[2,3],"dtype":"bfloat16","data":"QECAQKBAwEDgQABB"},{"name":"layer.4","\#
    shape":[2,3],"dtype":"float8_e4m3fn","data":"SEpMTlBR"},{"shape":[2,3],"dtype":"float8_e5m2","data":"RUZHSEhJ"},\#
    {"name":"layer.6","shape":[2,3],"dtype":"int8","data":"BgcICQoL"},{"shape":[2,3],"dtype":"int16","data":"BwAIAAk\#
    ACgALAAwA"},{"name":"layer.8","shape":[2,3],"dtype":"int32","data":"CAAAAAkAAAAKAAAACwAAAAwAAAANAAAA"},{"shape":\#
    [2,3],"dtype":"int64","data":"CQAAAAAAAAAKAAAAAAAAAAsAAAAAAAAADAAAAAAAAAANAAAAAAAAAA4AAAAAAAAA"},{"name":"layer.\#
    10","shape":[2,3],"dtype":"uint8","data":"CgsMDQ4P"},{"shape":[2,3],"dtype":"uint16","data":"CwAMAA0ADgAPABAA"},\#
    {"name":"layer.12","shape":[2,3],"dtype":"uint32","data":"DAAAAA0AAAAOAAAADwAAABAAAAARAAAA"},{"shape":[2,3],"dty\#
    pe":"uint64","data":"DQAAAAAAAAAOAAAAAAAAAA8AAAAAAAAAEAAAAAAAAAARAAAAAAAAABIAAAAAAAAA"},{"name":"layer.14","shap\#
    e":[2,3],"dtype":"bool","data":"AAEAAQAB"},{"name":"scalar","shape":[],"dtype":"float64","data":"AAAAAAAABEA="},\#
    {"shape":[0,300],"dtype":"int16","data":""}]}
    """#
private let fixtureMetadata: [String: JSONValue] = [
    "a": .string("text"), "f": .number(0.5), "o": .object(["é": .string("ü😀")]),
    "list": .array([.null, .bool(true), .integer(-1), .string("\"\\\n")]),
]
/// The same arrays by `tolist()`, with blanks and escapes, as `json.dumps` gives them by default.
private let nestedFixture = #"""
    {"weights": [{"name": "layer.0", "dtype": "float16", "data": [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]}, {"name": null,\#
     "dtype": "float32", "data": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]}, {"name": "layer.2", "dtype": "float64", "data"\#
    : [[2.0, 3.0, 4.0], [5.0, 6.0, 7.0]]}, {"name": null, "dtype": "bfloat16", "data": [[3.0, 4.0, 5.0], [6.0, 7.0,\#
     8.0]]}, {"name": "layer.4", "dtype": "float8_e4m3fn", "data": [[4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]}, {"name": nul\#
    l, "dtype": "float8_e5m2", "data": [[5.0, 6.0, 7.0], [8.0, 8.0, 10.0]]}, {"name": "layer.6", "dtype": "int8", "d\#
    ata": [[6, 7, 8], [9, 10, 11]]}, {"name": null, "dtype": "int16", "data": [[7, 8, 9], [10, 11, 12]]}, {"name": "\#
    layer.8", "dtype": "int32", "data": [[8, 9, 10], [11, 12, 13]]}, {"name": null, "dtype": "int64", "data": [[9, 1\#
    0, 11], [12, 13, 14]]}, {"name": "layer.10", "dtype": "uint8", "data": [[10, 11, 12], [13, 14, 15]]}, {"name": n\#
    ull, "dtype": "uint16", "data": [[11, 12, 13], [14, 15, 16]]}, {"name": "layer.12", "dtype": "uint32", "data": [\#
    [12, 13, 14], [15, 16, 17]]}, {"name": null, "dtype": "uint64", "data": [[13, 14, 15], [16, 17, 18]]}, {"name":\#
     "layer.14", "dtype": "bool", "data": [[false, true, false], [true, false, true]]}, {"name": "scalar", "data": 2\#
    .5, "dtype": "float64"}, {"shape": [0, 300], "dtype": "int16", "data": []}], "metadata": {"a": "text", "f": 0.5,\#
     "list": [null, true, -1, "\"\\\n"], "o": {"\u00e9": "\u00fc\ud83d\ude00"}}}
    """#

@Suite struct WeightsJSONTests {
    @Test(arguments: [1, 2, 3, 5, 64, Int.max])
    func readsWhatPythonWrites(pieces: Int) throws {
        let decoded = try read(fixture, pieces: pieces)
        #expect(decoded.arrays == (try fixtureArrays()))
        #expect(decoded.metadata == fixtureMetadata)
    }

    @Test func writesWhatPythonWrites() throws {
        let arrays = try fixtureArrays()
        let written = try encodeBody(
            WeightsJSONEncoder(arrays: arrays.map(\.spec), metadata: fixtureMetadata), arrays)
        // A line feed may be escaped in two ways.
        let expected = fixture.split(separator: #"\n"#).joined(separator: #"\u000a"#)
        #expect(String(decoding: written, as: UTF8.self) == expected)
    }

    @Test(arguments: [1, 2, 3, 5, 64, Int.max])
    func readsNestedListsOfEveryType(pieces: Int) throws {
        var expected = try fixtureArrays()
        // 9 lies between two numbers of float8_e5m2, and NumPy printed the one that it chose: equal all the same.
        #expect(try read(nestedFixture, pieces: pieces).arrays == expected)
        #expect(try read(nestedFixture, pieces: pieces).metadata == fixtureMetadata)
        // Kept as text until the type comes.
        let late = #"{"weights":[{"data":[[1,2],[3,4.5]],"x":1,"dtype":"float16"},{"data":true,"dtype":"bool"}]}"#
        expected = [
            try namedArray(.float16, [2, 2], nil, [1, 2, 3, 4.5].flatMap { littleEndian(Float16($0).bitPattern) }),
            try namedArray(.bool, [], nil, [1]),
        ]
        #expect(try read(late, pieces: pieces).arrays == expected)
    }

    @Test func shapeAndTypeMayBeMissing() throws {
        let cases: [(String, DType, [UInt64], [UInt8])] = [
            (#"{"data":[1,-2.5]}"#, .float32, [2], [1, -2.5].flatMap { littleEndian(Float($0).bitPattern) }),
            (#"{"data": 7 }"#, .float32, [], littleEndian(Float(7).bitPattern)),
            (#"{"data":7,"shape":[],"dtype":null}"#, .float32, [], littleEndian(Float(7).bitPattern)),
            (#"{"data":[]}"#, .float32, [0], []),
            (#"{"data":[[],[]]}"#, .float32, [2, 0], []),
            (#"{"shape":[2,0,5],"data":[[],[]]}"#, .float32, [2, 0, 5], []),
            (#"{"data":[[[1]],[[2]]],"dtype":"uint8"}"#, .uint8, [2, 1, 1], [1, 2]),
            (#"{"dtype":">i2","data":[258]}"#, .int16, [1], [2, 1]),
            (#"{"dtype":">i2","shape":[1],"data":"AQI="}"#, .int16, [1], [2, 1]),
            (#"{"data":"AQI=","shape":[1,2.0],"dtype":"|u1"}"#, .uint8, [1, 2], [1, 2]),
            (#"{"dtype":"bool","data":[true,false,1,0]}"#, .bool, [4], [1, 0, 1, 0]),
            (
                #"{"dtype":"int64","data":[-9223372036854775808,1e3,10.0]}"#, .int64, [3],
                littleEndian(Int64.min) + littleEndian(Int64(1000)) + littleEndian(Int64(10))
            ),
            (#"{"dtype":"uint64","data":[18446744073709551615]}"#, .uint64, [1], littleEndian(UInt64.max)),
            (#"{"odd":[{"a":"]}"},"\ud83d"],"dtype":"uint8","data":"AQ\u003d\u003D","shape":[1]}"#, .uint8, [1], [1]),
            (#"{"shape":[3],"dtype":"uint8","data":"\/\/\u002f\/"}"#, .uint8, [3], [255, 255, 255]),
        ]
        for (text, dtype, shape, bytes) in cases {
            let body = #"{"odd":{"x":[1,{}]},"weights":[ \#(text) ],"y":"z"}"#
            for pieces in [1, 2, Int.max] {
                let expected = try namedArray(dtype, shape, nil, bytes)
                #expect(try read(body, pieces: pieces).arrays == [expected], "\(text)")
            }
            expectTruncationsRefused(Array(body.utf8)) { decoder() }
        }
    }

    @Test(arguments: [
        #"{"metadata":{"a":[1,{"b":"\u00e9\n"}]},"weights":[{"name":"w","shape":[2],"dtype":"int16","data":"AQIDBA=="}]}"#,
        #"{"weights":[{"dtype":"int16","data":[[1,-2],[300,4e0]]},{"data":[1.5]}]}"#,
    ])
    func spoiltBytesNeverCrash(text: String) throws {
        #expect(throws: Never.self) { try read(text) }
        expectNoCrash(Array(text.utf8)) { decoder() }
    }

    @Test(
        arguments: [
            ("[]", "no JSON object", 0, nil),
            ("7", "no JSON object", 0, nil),
            ("{}", "weights is missing", 2, nil),
            (#"{"weights":[]}"#, "weights is empty", 14, nil),
            (#"{"weights":{}}"#, "weights is no list", 11, nil),
            (#"{"weights":[[1]]}"#, "weights[0] is no object", 12, nil),
            (#"{"metadata":[]}"#, "metadata is no object", 12, nil),
            (#"{"metadata":{"a":1,"a":2}}"#, "\"a\" comes twice", 19, nil),
            (#"{"weights":[],"weights":[]}"#, "\"weights\" comes twice", 14, nil),
            (#"{"metadata":{"a":NaN}}"#, "'N' where a value", 17, nil),
            (#"{"metadata":{"a":01}}"#, "no number or literal", 17, nil),
            (#"{"metadata":{"a":1e999}}"#, "float64", 17, nil),
            (#"{"metadata":{"a":"\ud800"}}"#, "surrogate", 17, nil),
            ("{} x", "'x' where the end", 3, nil),
            ("{\"a\" 1}", "'1' where a colon", 5, nil),
            ("{,}", "a key or }", 1, nil),
        ] as [(String, String, UInt64, Int?)])
    func refusalsNameTheFieldAndThePlace(body: String, words: String, offset: UInt64, index: Int?) {
        expectRefused(body, words, offset, index)
    }

    @Test(
        arguments: [
            (#""name":1"#, "name is no string", 20),
            (#""dtype":"complex64""#, "complex64", 21),
            (#""dtype":7"#, "dtype is no string", 21),
            (#""shape":[-1]"#, "shape holds", 22),
            (#""shape":[1.5]"#, "shape holds", 22),
            (#""shape":"1""#, "shape is no list", 21),
            (#""data":null"#, "neither base64 nor", 20),
            (#""data":[1],"data":[1]"#, "\"data\" comes twice", 24),
            (#""data":"AAAA","shape":[1]"#, "no dtype", 39),
            (#""data":"AAAA","dtype":"int8""#, "no shape", 42),
            (#""shape":[1],"dtype":"int8""#, "no data", 40),
            (#""data":"AAA""#, "multiple of 4", 24),
            (#""data":"AA=A""#, "padding before", 23),
            (#""data":"AA==AAAA""#, "padding before", 23),
            (#""data":"AA*A""#, "byte 42", 23),
            (#""data":"AB==""#, "bits are set", 22),
            (#""data":"AAA\u00e9""#, "byte 233", 29),
            (#""data":"A\n""#, "escape", 23),
            (#""shape":[2],"dtype":"int8","data":"AAAA""#, "more than the 2 bytes", 52),
            (#""shape":[4],"dtype":"int8","data":"AAAA""#, "data has 3 bytes", 47),
            (#""shape":[2],"data":[1]"#, "nested as [1], but shape is [2]", 32),
            (#""data":[[1],2]"#, "data[1]: a number lies here", 25),
            (#""data":[1,[2]]"#, "data[1]: a list lies here", 23),
            (#""data":[[1,2],[3]]"#, "data[1] has 1 elements", 29),
            (#""data":[[],[1]]"#, "data[1] has 1 elements", 26),
            (#""data":[1,]"#, "data[1]: a value is expected", 23),
            (#""data":[1 2]"#, "data[1]: a comma or ]", 23),
            (#""data":[NaN]"#, "NaN", 21),
            (#""data":[-Infinity]"#, "-", 21),
            (#""data":["1"]"#, "data[0]: byte 34", 21),
            (#""data":[1e39]"#, "1e39 does not fit float32", 21),
            (#""dtype":"int8","data":[128]"#, "128 does not fit int8", 36),
            (#""dtype":"uint8","data":[-1]"#, "-1 does not fit uint8", 37),
            (#""dtype":"int32","data":[1.5]"#, "1.5 does not fit int32", 37),
            (#""dtype":"int32","data":[true]"#, "true does not fit int32", 37),
            (#""dtype":"bool","data":[2]"#, "2 does not fit bool", 36),
            (#""dtype":"uint64","data":[18446744073709551616]"#, "does not fit uint64", 38),
            (#""dtype":"float8_e4m3fn","data":[465]"#, "465 does not fit float8_e4m3fn", 45),
            (#""dtype":"int8","data":[01]"#, "01 is not a JSON number", 36),
        ] as [(String, String, UInt64)])
    func refusalsNameTheElementAndThePlace(fields: String, words: String, offset: UInt64) {
        expectRefused(#"{"weights":[{\#(fields)}]}"#, words, offset, 0)
    }

    private func expectRefused(_ body: String, _ words: String, _ offset: UInt64, _ index: Int?) {
        for pieces in [1, Int.max] {
            let failure = #expect(throws: WeightFailure.self) { try read(body, pieces: pieces) }
            #expect(failure?.reason.contains(words) == true, "\(failure?.reason ?? "") instead of \(words)")
            #expect(failure?.offset == offset, "\(words)")
            #expect(failure?.array == index, "\(words)")
        }
    }

    @Test func limitsHold() throws {
        var few = limits
        few.decodedBytes = 3
        few.arrays = 1
        few.metadataBytes = 30
        let array = #"{"dtype":"int8","data":[1]}"#
        let bodies = [
            #"{"weights":[{"shape":[4],"dtype":"int8","data":"#,
            #"{"weights":[{"dtype":"int8","data":[1,2,3,4]}]}"#,
            #"{"weights":[{"data":"AAAAAAAA""#,
            #"{"weights":[\#(array),\#(array)]}"#,
            #"{"metadata":{"a":[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]"#,
            #"{"metadata":{"a":"\#(String(repeating: "x", count: 31))"#,
            #"{"weights":[{"name":"\#(String(repeating: "x", count: 31))"#,
            #"{"weights":[{"shape":[\#(String(repeating: "1,", count: 33))"#,
            #"{"weights":[{"data":\#(String(repeating: "[", count: 33))"#,
            #"{"weights":[{"dtype":"int8","data":\#(String(repeating: "[", count: 33))"#,
            #"{"x":\#(String(repeating: "[", count: 64))"#,
        ]
        for body in bodies {
            // So much follows that a body which is merely cut has another reason.
            let failure = #expect(throws: WeightFailure.self) { try read(body + "1]}", few) }
            #expect(failure?.limit != nil || body.contains("[[[["), "\(failure?.reason ?? "") for \(body)")
        }
        // Unknown strings are skipped, whatever their length.
        let long = #"{"x":"\#(String(repeating: "\\\"", count: 99))","weights":[\#(array)]}"#
        #expect(try read(long, few).arrays.count == 1)
        let digits = String(repeating: "1", count: 2000)
        #expect(throws: WeightFailure.self) { try read(#"{"weights":[{"dtype":"int8","data":[\#(digits)]}]}"#) }
    }

    @Test func nestedListsBeforeTheirTypeAreBounded() throws {
        let decoder = WeightsJSONDecoder(limits: DecodeLimits(decodedBytes: 1 << 30))
        let row = Array((String(repeating: "1,", count: 1 << 15)).utf8)
        let failure = #expect(throws: WeightFailure.self) {
            try Array(#"{"weights":[{"data":["#.utf8).withUnsafeBytes { try decoder.feed($0, to: DroppingSink()) }
            for _ in 0..<300 { try row.withUnsafeBytes { try decoder.feed($0, to: DroppingSink()) } }
        }
        #expect(failure?.limit == 16 << 20)
        #expect(failure?.offset == 20)
    }

    @Test func largeArraysRoundTripInPieces() throws {
        let counts = [49_151, 49_152, 49_153, 200_000, 1]
        let arrays = try counts.map { count in
            try namedArray(.uint8, [UInt64(count)], "\(count)\n", (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7) })
        }
        let body = try encodeBody(WeightsJSONEncoder(arrays: arrays.map(\.spec), metadata: [:]), arrays)
        for pieces in [997, 65_537, Int.max] {
            #expect(try decodeBody(decoder(), body, pieces: pieces).arrays == arrays)
        }
        let numbers = (0..<50_000).map { Float($0) / 7 }
        let text = #"{"weights":[{"dtype":"float32","data":[\#(numbers.map(\.description).joined(separator: ","))]}]}"#
        let expected = try namedArray(.float32, [50_000], nil, numbers.flatMap { littleEndian($0.bitPattern) })
        for pieces in [997, Int.max] { #expect(try read(text, pieces: pieces).arrays == [expected]) }
    }

    @Test func theEncoderRefusesWhatJSONCannotHold() throws {
        let two = try namedArray(.uint8, [2], nil, [1])
        #expect(throws: WeightFailure.self) { try encodeBody(WeightsJSONEncoder(arrays: [], metadata: [:]), []) }
        #expect(throws: WeightFailure.self) {
            try encodeBody(WeightsJSONEncoder(arrays: [two.spec], metadata: [:]), [two])
        }
        let bad = WeightsJSONEncoder(arrays: [two.spec], metadata: ["a": .number(.infinity)])
        #expect(throws: WeightFailure.self) { try encodeBody(bad, [two]) }
    }
}
