import Testing
import WeightFormats
import Weights
import WireJSON

private let limits = DecodeLimits(decodedBytes: 1 << 20)

private func body(_ header: String, _ data: [UInt8] = Array(0..<8)) -> [UInt8] {
    littleEndian(UInt64(header.utf8.count)) + Array(header.utf8) + data
}

private func read(_ body: [UInt8], pieces: Int = .max) throws -> Decoded {
    try decodeBody(SafetensorsDecoder(limits: limits), body, pieces: pieces)
}

private let one = #"{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#
private let two = #"{"dtype":"F32","shape":[1],"data_offsets":[4,8]}"#

@Suite struct SafetensorsTests {
    @Test(arguments: [1, 3, Int.max])
    func theHeaderIsReadInAnyOrderWithWhatNobodyKnows(pieces: Int) throws {
        let odd = #"{"shape" : [ 1.0 ], "odd" : {"a":[[1],{}]}, "data_offsets":[0,4], "dtype":"F32"}"#
        let header = #"{"é":\#(two), "__metadata__": {"k": "v\n"}, "a":\#(odd)}    "#
        let decoded = try read(body(header), pieces: pieces)
        #expect(
            decoded.arrays == [
                try namedArray(.float32, [1], "a", [0, 1, 2, 3]), try namedArray(.float32, [1], "é", [4, 5, 6, 7]),
            ])
        #expect(decoded.metadata == ["k": .string("v\n")])
    }

    @Test func truncationsAndSpoiltBytesAreRefused() {
        let whole = body(#"{"a":\#(one),"b":\#(two),"__metadata__":{"k":"v"}}"#)
        expectTruncationsRefused(whole) { SafetensorsDecoder(limits: limits) }
        expectNoCrash(whole) { SafetensorsDecoder(limits: limits) }
    }

    /// The offset is where `place` stands first in the header, or the header's end.
    @Test(
        arguments: [
            (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#, "leave a hole", "[4", 0, "a"),
            (#"{"a":\#(one),"b":\#(one)}"#, "overlap", "[0,4]}}", 1, "b"),
            (#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, "do not hold the 12 bytes", "[0,", 0, "a"),
            (#"{"a":{"dtype":"U8","shape":[4611686018427387904,8],"data_offsets":[0,8]}}"#, "overflows", "[46", 0, "a"),
            (#"{"a":{"dtype":"U8","shape":[99999999],"data_offsets":[0,99999999]}}"#, "more than", "[0,", 0, "a"),
            (#"{"a":\#(one),"b":{"dtype":"F31"}}"#, #"dtype is "F31""#, #""F31"#, nil, "b"),
            (#"{"a":{"dtype":7,"shape":[1]}}"#, "dtype is not a string", "7", nil, "a"),
            (#"{"a":{"shape":[-1]}}"#, "shape holds", "-1", nil, "a"),
            (#"{"a":{"shape":[[1]]}}"#, "shape holds", "[1]", nil, "a"),
            (#"{"a":{"shape":{}}}"#, "shape is not a list", "{}", nil, "a"),
            (#"{"a":{"data_offsets":[1,2,3]}}"#, "more than 2", "3]", nil, "a"),
            (#"{"a":{"dtype":"U8","shape":[],"data_offsets":[1]}}"#, "two offsets", "[1]", nil, "a"),
            (#"{"a":{"shape":[],"data_offsets":[0,1]}}"#, "are needed", #""a""#, nil, "a"),
            (#"{"b":{}}"#, "are needed", #""b""#, nil, "b"),
            (#"{"a":{"dtype":"U8","dtype":"U8"}}"#, "comes twice", #""dtype":"U8"}"#, nil, "a"),
            (#"{"a":[]}"#, "not an object", "[", nil, "a"),
            (#"{"a":{"x":tru}}"#, "not JSON", "tru", nil, "a"),
            (#"{"a":\#(one),"\u0061":\#(one)}"#, #"the name "a" comes twice"#, #""\u"#, nil, "a"),
            (#"{"__metadata__":{"k":1}}"#, "not a string", "1", nil, nil),
            (#"{"__metadata__":{"k":"","k":""}}"#, "comes twice", #""k":""}"#, nil, nil),
            (#"{"a":\#(one)} x"#, "where the end", "x", nil, nil),
            (#"{"a":\#(one)"#, "ends within", "", nil, nil),
        ] as [(String, String, String, Int?, String?)])
    func refusalsNameTheEntryAndThePlace(header: String, words: String, place: String, array: Int?, name: String?)
        throws
    {
        let text = Array(header.utf8)
        let index = place.isEmpty ? text.count : try #require(text.firstRange(of: Array(place.utf8))).lowerBound
        for pieces in [1, Int.max] {
            let failure = #expect(throws: WeightFailure.self) { try read(body(header), pieces: pieces) }
            #expect(failure?.reason.contains(words) == true, "\(failure?.reason ?? "") instead of \(words)")
            #expect(failure?.offset == UInt64(8 + index), "\(words)")
            #expect(failure?.array == array && failure?.name == name, "\(words)")
        }
    }

    @Test func moreThan32DimensionsAreOverTheLimit() {
        let header = #"{"a":{"shape":[\#(String(repeating: "1,", count: 32))7]}}"#
        let failure = #expect(throws: WeightFailure.self) { try read(body(header)) }
        #expect(failure?.limit == 32 && failure?.name == "a" && failure?.offset == UInt64(8 + header.utf8.count - 4))
    }
}
