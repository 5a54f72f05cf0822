import Testing
import WeightFormats
import Weights
import WireJSON

/// Arrays with their dense elements.
private typealias Weighted = [(spec: ArraySpec, bytes: [UInt8])]

private func array(
    _ dtype: DType, _ shape: [UInt64], name: String? = nil, _ element: (Int) -> [UInt8]
) throws -> (spec: ArraySpec, bytes: [UInt8]) {
    let spec = try #require(ArraySpec(name: name, dtype: dtype, shape: shape))
    return (spec, (0..<spec.count).flatMap(element))
}

private func le<T: FixedWidthInteger>(_ value: T) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }

private func write(
    _ arrays: Weighted, metadata: [String: JSONValue] = [:], sparse: SparseEncoding = .coo
) throws -> [UInt8] {
    let writer = FEDWT001Writer(arrays: arrays.map(\.spec), metadata: metadata, sparse: sparse)
    var written: [UInt8] = []
    var asked: [Int] = []
    // Kept at fixed addresses, as slabs are.
    let held = arrays.map { given in
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: given.bytes.count, alignment: 1)
        copy.copyBytes(from: given.bytes)
        return UnsafeRawBufferPointer(copy)
    }
    defer { for copy in held { copy.deallocate() } }
    try writer.write(
        {
            asked.append($0); return held[$0]
        }, to: { written += $0 })
    #expect(asked == Array(arrays.indices))
    #expect(written.count <= writer.maximumSize)
    return written
}

/// The dense elements of each array, and which arrays were stored sparse.
private func read(_ bytes: [UInt8]) throws -> (arrays: Weighted, sparse: [Int], metadata: [String: JSONValue]) {
    // One byte in, so that nothing is aligned.
    try ([0] + bytes).withUnsafeBytes { padded in
        let stream = UnsafeRawBufferPointer(rebasing: padded[1...])
        let decoder = FEDWT001Decoder(limits: .init(decodedBytes: 1 << 24))
        let sink = DroppingSink()
        try decoder.feed(stream, to: sink)
        let decoded = try decoder.finish(to: sink)
        let normal = NormalArrays(decoded, in: stream)
        let arrays = try decoded.arrays.enumerated().map { ($1.spec, Array(try normal.elements($0))) }
        let sparse = decoded.arrays.indices.filter { !decoded.arrays[$0].isNormal }
        return (arrays, sparse, decoded.metadata)
    }
}

@Suite struct FEDWT001WriterTests {
    @Test(arguments: DType.allCases)
    func roundTripsDenseAndSparseOfEveryType(dtype: DType) throws {
        let size = dtype.itemSize
        let zero = [UInt8](repeating: 0, count: size)
        let arrays = [
            try array(dtype, [3, 5]) { Array(repeating: UInt8($0 + 1), count: size) },
            try array(dtype, [7, 3, 5]) { index in
                [0, 51, 104].contains(index) ? zero.dropLast() + [128] : zero
            },
        ]
        let result = try read(try write(arrays))
        #expect(result.arrays.map(\.spec) == arrays.map(\.spec))
        #expect(result.arrays.map(\.bytes) == arrays.map(\.bytes))
        #expect(result.sparse == [1])
        #expect(try read(try write(arrays, sparse: .never)).sparse == [])
        #expect(try read(try write(arrays, sparse: .never)).arrays.map(\.bytes) == arrays.map(\.bytes))
    }

    @Test func theByteLayoutIsTheProtocols() throws {
        let bytes = try write(
            [
                try array(.float32, [1, 2], name: "w") { _ in [1, 2, 3, 4] },
                try array(.uint8, [11]) { [$0 == 10 ? 9 : 0] },
            ], metadata: ["a": .integer(1)])
        let metadata = #"{"a":1,"layer_names":["w",null]}"#
        var expected = Array("FEDWT001".utf8) + le(UInt32(2)) + le(UInt32(metadata.utf8.count)) + Array(metadata.utf8)
        expected += [2] + le(UInt32(1)) + le(UInt32(2)) + [7] + Array("float32".utf8) + le(UInt64(2))
        expected += [1] + le(UInt32(11)) + [5] + Array("uint8".utf8) + le(UInt64(11))
        expected += le(UInt32(0)) + [0] + le(UInt64(8)) + [1, 2, 3, 4, 1, 2, 3, 4]
        expected += le(UInt32(1)) + [2] + le(UInt64(21))
        expected += le(UInt32(1)) + le(UInt32(11)) + le(UInt64(1)) + le(UInt32(10)) + [9]
        #expect(bytes == expected)
    }

    @Test func negativeZeroAndNaNAreValues() throws {
        let signalling: UInt32 = 0x7f80_0001
        let few = try array(.float32, [100]) { le($0 == 3 ? (-Float(0)).bitPattern : $0 == 60 ? signalling : 0) }
        let many = try array(.float32, [100]) { _ in le((-Float(0)).bitPattern) }
        let result = try read(try write([few, many]))
        #expect(result.arrays.map(\.bytes) == [few.bytes, many.bytes])
        #expect(result.sparse == [0])
    }

    @Test func moreThanNineTenthsOfZerosAreSparse() throws {
        let tenth = try array(.int16, [10, 10]) { le(Int16($0 < 10 ? 1 : 0)) }
        let less = try array(.int16, [10, 10]) { le(Int16($0 < 9 ? 1 : 0)) }
        let zeros = try array(.int16, [2]) { _ in [0, 0] }
        #expect(try read(try write([tenth, less, zeros])).sparse == [1, 2])
    }

    @Test func scalarsAndEmptyArraysAreDense() throws {
        let arrays = [try array(.float64, []) { _ in le(UInt64(0)) }, try array(.float16, [4, 0, 2]) { _ in [] }]
        let result = try read(try write(arrays))
        #expect(result.arrays.map(\.spec) == arrays.map(\.spec))
        #expect(result.arrays.map(\.bytes) == arrays.map(\.bytes))
        #expect(result.sparse == [])
    }

    @Test func manyPiecesOfASparseArrayMakeOneRecord() throws {
        let large = try array(.uint16, [300, 500, 4]) { le(UInt16($0 % 11 == 5 ? $0 % 60_000 + 1 : 0)) }
        let result = try read(try write([large]))
        #expect(result.sparse == [0])
        #expect(result.arrays.map(\.bytes) == [large.bytes])
    }

    @Test func namesAreGivenBackAndLeftOutWithoutAny() throws {
        let metadata: [String: JSONValue] = ["layer_names": .array([.string("stale")]), "k": .bool(true)]
        let unnamed = try read(try write([try array(.bool, [1]) { _ in [1] }], metadata: metadata))
        #expect(unnamed.arrays[0].spec.name == nil)
        #expect(unnamed.metadata == ["k": .bool(true)])
    }

    @Test func recordsInAnyOrderAreFound() throws {
        let arrays = [try array(.uint8, [2]) { [UInt8($0 + 1)] }, try array(.uint8, [2]) { [UInt8($0 + 3)] }]
        var bytes = try write(arrays)
        let last = Array(bytes.suffix(15))
        bytes.removeLast(15)
        bytes.insert(contentsOf: last, at: bytes.count - 15)
        #expect(try read(bytes).arrays.map(\.bytes) == [[1, 2], [3, 4]])
    }

    @Test func whatTheFormatCannotHoldIsRefused() throws {
        let ok = try array(.uint8, [1]) { _ in [1] }
        #expect(throws: WeightFailure.self) { try write([]) }
        #expect(throws: WeightFailure.self) { try write([(ok.spec, [1, 2])]) }
        #expect(throws: WeightFailure.self) { try write([ok], metadata: ["x": .number(.nan)]) }
        let deep = try #require(ArraySpec(dtype: .uint8, shape: Array(repeating: 1, count: 33)))
        #expect(throws: WeightFailure.self) { try write([(deep, [1])]) }
        let long = try #require(ArraySpec(dtype: .uint8, shape: [1 << 32, 0]))
        #expect(throws: WeightFailure.self) { try write([(long, [])]) }
    }

    @Test func aByteOrderIsUnderstoodAndOthersAreRefusedByName() throws {
        let bytes = try write([try array(.int16, [1]) { _ in [1, 0] }])
        let place = try #require(bytes.indices.first { bytes[$0...].starts(with: Array("int16".utf8)) })
        func named(_ name: String) -> [UInt8] {
            Array(bytes[..<(place - 1)]) + [UInt8(name.utf8.count)] + Array(name.utf8) + Array(bytes[(place + 5)...])
        }
        for (name, elements) in [(">i2", [0, 1]), ("<i2", [1, 0])] as [(String, [UInt8])] {
            let found = try read(named(name)).arrays[0]
            #expect(found.spec.dtype == .int16 && found.bytes == elements)
        }
        let failure = #expect(throws: WeightFailure.self) { try read(named(">f3")) }
        #expect(failure?.reason.contains(#"dtype ">f3" is not one of"#) == true)
    }
}
