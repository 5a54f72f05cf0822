import Testing
import Weights
import WireJSON

@testable import WeightFormats

private func decoder() -> any WeightDecoder { PickleDecoder(limits: DecodeLimits(decodedBytes: 1 << 20)) }

private let metadata: [String: JSONValue] = [
    "text": .string("é" + String(repeating: "x", count: 300)), "number": .number(0.5), "null": .null,
    "list": .array([.bool(true), .integer(1 << 40), .integer(-1), .integer(300), .object([:])]),
]

@Suite struct PickleEncoderTests {
    private func arrays(named: Bool) throws -> [Decoded.Element] {
        try fixtureArrays().enumerated().compactMap { place, array in
            guard array.spec.dtype.isNumPy else { return nil }
            var array = array
            array.spec.name = named ? "layer.\(place)" : nil
            return array
        }
    }

    @Test(arguments: [true, false], [[:], metadata])
    func roundTrips(named: Bool, metadata: [String: JSONValue]) throws {
        let arrays = try arrays(named: named)
        let body = try encodeBody(PickleEncoder(arrays: arrays.map(\.spec), metadata: metadata), arrays)
        #expect(try decodeBody(decoder(), body) == Decoded(arrays: arrays, metadata: metadata))
        #expect(try decodeBody(decoder(), body, pieces: 1) == Decoded(arrays: arrays, metadata: metadata))
        #expect(body == (try encodeBody(PickleEncoder(arrays: arrays.map(\.spec), metadata: metadata), arrays)))
    }

    @Test func keepsNamesThatNoDictHolds() throws {
        let arrays = try ["a", nil].map { try namedArray(.uint8, [2], $0, [1, 2]) }
        let body = try encodeBody(PickleEncoder(arrays: arrays.map(\.spec), metadata: [:]), arrays)
        #expect(try decodeBody(decoder(), body) == Decoded(arrays: arrays, metadata: [:]))
    }

    /// These bytes are loaded by NumPy 1.26.4 and 2.4.6, without a warning, as `[array([1., 2.], dtype=float32)]`.
    @Test func writesTheBytesThatNumPyLoads() throws {
        let array = try namedArray(.float32, [2], nil, [0, 0, 0x80, 0x3f, 0, 0, 0, 0x40])
        let body = try encodeBody(PickleEncoder(arrays: [array.spec], metadata: [:]), [array])
        let expected = """
            gARdjBVudW1weS5jb3JlLm11bHRpYXJyYXmMDF9yZWNvbnN0cnVjdJOUjAVudW1weYwHbmRhcnJheZOUSwCFQwFih1IoSwEoSwJ0\
            jAVudW1weYwFZHR5cGWTlIwCZjSJiIdSlChLA4wBPE5OTkr/////Sv////9LAHRiiUMIAACAPwAAAEB0YmEu
            """
        #expect(body == (try fixtureBytes(base64: expected)))
    }

    @Test(arguments: [DType.bfloat16, .float8e4m3fn, .float8e5m2])
    func refusesWhatNumPyDoesNotHold(dtype: DType) throws {
        let arrays = [
            try namedArray(.int8, [1], "first", [1]),
            try namedArray(dtype, [1], "second", Array(repeating: 0, count: dtype.itemSize)),
        ]
        let failure = #expect(throws: WeightFailure.self) {
            try encodeBody(PickleEncoder(arrays: arrays.map(\.spec), metadata: [:]), arrays)
        }
        #expect(failure?.array == 1)
        #expect(failure?.reason.contains("(\"second\") is \(dtype.rawValue)") == true)
    }
}
