import Testing
import WeightFormats
import Weights
import WireJSON

private let limits = DecodeLimits(decodedBytes: 1 << 20)

/// What is refused says the array's name, in every format that has names.
@Suite struct RefusalNameTests {
    private func refusal(_ format: String, _ body: [UInt8], pieces: Int = .max) throws -> WeightFailure? {
        let decoder = try #require(WeightFormats.named(format)?.decoder?(limits))
        return #expect(throws: WeightFailure.self) { try decodeBody(decoder, body, pieces: pieces) }
    }

    /// In protobuf the encoder puts the name behind the data, which does not come.
    @Test(
        arguments: ["binary_custom", "npz", "safetensors", "numpy_pickle", "msgpack", "json_base64", "protobuf"],
        [1, Int.max])
    func theArrayInWhichTheBodyEndsIsNamed(format: String, pieces: Int) throws {
        let ones = [UInt8](repeating: 1, count: 4096)
        let arrays = try ["first", "second"].map { try namedArray(.uint8, [4096], $0, ones) }
        let encoder = try #require(WeightFormats.named(format)).encoder(arrays.map(\.spec), [:])
        let failure = try refusal(format, try encodeBody(encoder, arrays).dropLast(2000), pieces: pieces)
        #expect(failure?.array == 1)
        #expect(failure?.name == (format == "protobuf" ? nil : "second"))
    }

    @Test func aNameThatComesFirstIsKnown() throws {
        // `name`, then `dtype`, of the one array.
        let array: [UInt8] = [42, 1] + Array("w".utf8) + [26, 1] + Array("x".utf8)
        #expect(try refusal("protobuf", [18, UInt8(array.count)] + array)?.name == "w")
        #expect(try refusal("json", Array(#"{"weights":[{"name":"w","dtype":"x"}]}"#.utf8))?.name == "w")
    }

    @Test func theKeyOfADictNamesWhatAPickleMayNotHold() throws {
        func text(_ text: String) -> [UInt8] { [0x8c, UInt8(text.utf8.count)] + Array(text.utf8) }
        let call = text("torch._utils") + text("_rebuild_tensor_v2") + [0x93]
        let start: [UInt8] = [0x80, 4] + Array("}(".utf8)
        #expect(try refusal("pickle", start + text("conv1") + call)?.name == "conv1")
        #expect(try refusal("pickle", start + text("a") + Array("Nu.".utf8))?.name == "a")
        // A list's elements have no names, and the metadata's keys are none.
        #expect(try refusal("pickle", start + text("weights") + Array("](".utf8) + call)?.name == nil)
        #expect(try refusal("pickle", start + text("metadata") + Array("}(".utf8) + text("when") + call)?.name == nil)
    }

    @Test func anEncodersRefusalIsNamedToo() throws {
        let spec = try #require(ArraySpec(name: "w", dtype: .bfloat16, shape: [1]))
        let dense = DecodedArray(spec: spec, storage: .dense(bytes: 0..<2, axes: nil, bigEndian: false))
        let encoder = try #require(WeightFormats.named("npz")).encoder([spec], [:])
        let error = #expect(throws: WeightFailure.self) { try encodeBody(encoder, []) }
        let named = DecodedWeights(arrays: [dense], metadata: [:]).named(try #require(error))
        #expect((named as? WeightFailure)?.name == "w")
    }

    @Test func aCoordinateOutsideItsArrayIsNamed() throws {
        let spec = try #require(ArraySpec(name: "w", dtype: .uint8, shape: [3]))
        let sparse = DecodedArray.Storage.sparse(
            count: 1, coordinates: [0..<4], coordinateSize: 4, values: 4..<5, bigEndian: false)
        let weights = DecodedWeights(arrays: [DecodedArray(spec: spec, storage: sparse)], metadata: [:])
        let failure = ([3, 0, 0, 0, 1] as [UInt8]).withUnsafeBytes { stream in
            #expect(throws: WeightFailure.self) { try NormalArrays(weights, in: stream).elements(0) }
        }
        #expect(failure?.array == 0 && failure?.name == "w")
    }

    @Test func aLongNameIsCut() {
        let long = "e" + String(repeating: "\u{301}", count: 1000)
        #expect(long.count == 1)
        let failure = WeightFailure("x", at: 0, array: 0, name: long)
        #expect(failure.name?.unicodeScalars.count == 65 && failure.name?.hasSuffix("…") == true)
        let renamed = WeightFailure.naming(WeightFailure("x", at: 0, array: 0)) { _ in long } as? WeightFailure
        #expect(renamed == failure)
        #expect(String(repeating: "x", count: 64).excerpt.count == 64)
    }

    @Test func allOfItIsOneLine() {
        #expect(WeightFailure("reason", at: 7).description == "reason, at byte 7")
        #expect(WeightFailure("reason", at: 7, array: 2).description == "reason, at byte 7, array 2")
        #expect(WeightFailure("reason", at: 7, array: 2, name: "w").description == #"reason, at byte 7, array 2 "w""#)
        #expect(WeightFailure("reason", at: 7, name: "w").description == #"reason, at byte 7, array "w""#)
    }
}
