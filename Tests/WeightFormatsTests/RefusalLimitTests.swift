import Testing
import WeightFormats
import Weights

private let limits = DecodeLimits(decodedBytes: 1 << 20)

private func text(_ text: String) -> [UInt8] { Array(text.utf8) }

/// FEDWT001 of one array up to the fields that a test wants to spoil.
private func fedwt(_ fields: [UInt8]) -> [UInt8] {
    text("FEDWT001") + littleEndian(UInt32(1)) + littleEndian(UInt32(2)) + text("{}") + fields
}

/// A sparse record (flag 2) of three bytes, of which `nnz` are said to be set.
private func sparse(nnz: UInt64, index: UInt32 = 0) -> [UInt8] {
    let array = [1] + littleEndian(UInt32(3)) + [5] + text("uint8") + littleEndian(UInt64(3))
    let record = littleEndian(index) + [2] + littleEndian(UInt64(100))
    return fedwt(array + record + littleEndian(UInt32(1)) + littleEndian(UInt32(3)) + littleEndian(nnz))
}

private func npy(_ shape: String) -> [UInt8] {
    let head = text("{'descr':'|u1','fortran_order':False,'shape':(\(shape))}")
    return [0x93] + text("NUMPY") + [1, 0] + littleEndian(UInt16(head.count)) + head
}

private func json(_ fields: String) -> [UInt8] { text(#"{"weights":[{\#(fields)}]}"#) }

private let overflow = UInt64(Int.max)

/// A refusal whose words have a limit has it in `limit`, too.
@Suite struct RefusalLimitTests {
    @Test(
        arguments: [
            ("binary_custom", fedwt([33]), 32),
            ("binary_custom", fedwt([0, 33]), 32),
            ("binary_custom", sparse(nnz: 4), 3),
            ("binary_custom", sparse(nnz: 1, index: 1), 0),
            (
                "binary_custom",
                fedwt([3] + Array(repeating: 255, count: 12) + [5] + text("uint8") + Array(repeating: 0, count: 8)),
                overflow
            ),
            ("npy", npy(String(repeating: "1,", count: 33)), 32),
            ("npy", npy("9223372036854775808,"), overflow),
            ("npy", npy("9223372036854775807,2"), overflow),
            ("json", json(#""dtype":"int8","data":[\#(String(repeating: "1", count: 1025))]"#), 1024),
            ("json", json(#""dtype":"int8","shape":[1],"data":[1,2]"#), 1),
            ("json", json(#""dtype":"int8","shape":[9223372036854775807,2],"data":"""#), overflow),
            ("pickle", [0x80, 2] + text("c") + Array(repeating: 97, count: 256), 255),
            ("protobuf", Array(repeating: 255, count: 10), 64),
            ("protobuf", [18, 3, 34, 2, 1], 1),
            ("safetensors", Array(repeating: 255, count: 8), 17_825_792),
        ] as [(String, [UInt8], UInt64)], [1, Int.max])
    func theLimitIsSaid(given: (format: String, body: [UInt8], limit: UInt64), pieces: Int) throws {
        let decoder = try #require(WeightFormats.named(given.format)?.decoder?(limits))
        let failure = #expect(throws: WeightFailure.self) { try decodeBody(decoder, given.body, pieces: pieces) }
        #expect(failure?.limit == given.limit, "\(failure?.description ?? "")")
        #expect(given.limit == 0 || failure?.reason.contains("\(given.limit)") == true, "\(failure?.reason ?? "")")
    }

    @Test func bareElementsAreNoMoreThanWasSaid() throws {
        let decoder = RawDecoder(try ArraySpec(raw: "uint8", shape: "3"), limits: limits)
        let failure = #expect(throws: WeightFailure.self) { try decodeBody(decoder, [1, 2, 3, 4]) }
        #expect(failure?.limit == 3 && failure?.offset == 3)
    }

    @Test func aMembersNameIsBounded() throws {
        var archive: [UInt8] = []
        let assembler = NPZAssembler(limits: limits)
        let failure = #expect(throws: WeightFailure.self) {
            try assembler.begin(String(repeating: "x", count: 40_000), raw: nil, to: &archive)
        }
        #expect(failure?.limit == 32_768)
        let spec = try #require(ArraySpec(dtype: .uint8, shape: [1 << 32]))
        let head = #expect(throws: WeightFailure.self) { try FEDWT001Writer.head(ofDense: spec) }
        #expect(head?.limit == UInt64(UInt32.max))
    }
}

/// Type and shape as a query, a part or a flag says them.
@Suite struct RawArrayTests {
    @Test(
        arguments: [
            ("", []), ("0", [0]), ("2,3", [2, 3]), (" 2 ,\t3 ", [2, 3]), ("18446744073709551615,0", [.max, 0]),
        ] as [(String, [UInt64])])
    func shapesAreRead(shape: String, lengths: [UInt64]) throws {
        #expect(try ArraySpec(raw: "float32", shape: shape, name: "w").shape == lengths)
    }

    @Test(
        arguments: [
            ("float32", "+2", nil), ("float32", "-2", nil), ("float32", "2,", nil), ("float32", ",", nil),
            ("float32", "02", nil), ("float32", "2 3", nil), ("float32", "2.0", nil), ("float32", "٢", nil),
            ("float32", " ", nil), ("float32", "18446744073709551616", nil), ("float31", "2", nil),
            ("float32", Array(repeating: "1", count: 33).joined(separator: ","), 32),
            ("float32", "9223372036854775807,2", overflow),
        ] as [(String, String, UInt64?)])
    func otherShapesAreRefused(dtype: String, shape: String, limit: UInt64?) {
        let failure = #expect(throws: WeightFailure.self) { try ArraySpec(raw: dtype, shape: shape) }
        #expect(failure?.limit == limit)
    }
}
