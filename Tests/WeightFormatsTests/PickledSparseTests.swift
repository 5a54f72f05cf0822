import Testing
import Weights

@testable import WeightFormats

/// Where the pickle begins in the body.
private let start = 5

/// Reads a record that lies in a body behind five other bytes.
private func read(
    _ record: [UInt8], as spec: ArraySpec, pieces: Int = .max
) throws -> (storage: DecodedArray.Storage, body: [UInt8]) {
    let body = [1, 2, 3, 4, 5] + record
    var reader = PickledSparse(spec, index: 3, at: UInt64(start), length: UInt64(record.count))
    var place = start
    while place < body.count {
        let piece = Array(body[place..<place + min(pieces, body.count - place)])
        place += try piece.withUnsafeBytes { try reader.take($0) }
    }
    return (try reader.finish(), body)
}

@Suite struct PickledSparseTests {
    private func reference() throws -> ArraySpec { try #require(ArraySpec(dtype: .float32, shape: [10, 10])) }

    @Test(arguments: ["numpy1", "numpy2"], [4, 5])
    func readsWhatTheReferenceWrites(library: String, version: Int) throws {
        let spec = try reference()
        for (form, size, big) in [("sparse", 4, false), ("nonzero", 8, true)] {
            let record = try PickleFixtures.bytes("\(library) \(form) \(version)")
            for pieces in [Int.max, 1] {
                let (storage, body) = try read(record, as: spec, pieces: pieces)
                guard case .sparse(2, let coordinates, size, let values, big) = storage else {
                    Issue.record("\(storage)")
                    return
                }
                let numbers = coordinates.map { range in
                    stride(from: range.lowerBound, to: range.upperBound, by: size).map { Int(body[$0]) }
                }
                #expect(numbers == [[3, 5], [4, 6]])
                let expected: [UInt8] = big ? [0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0] : [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]
                #expect(Array(body[values]) == expected)
            }
            for count in record.indices {
                let failure = #expect(throws: WeightFailure.self) { try read(Array(record.prefix(count)), as: spec) }
                #expect(failure?.array == 3 && failure.map { (5...5 + UInt64(count)).contains($0.offset) } == true)
            }
            for place in record.indices {
                for value: UInt8 in [0, 1, 0x7f, 0xff, record[place] ^ 0x20] {
                    var spoilt = record
                    spoilt[place] = value
                    _ = try? read(spoilt, as: spec)
                }
            }
        }
    }

    /// Protocol 2 writes bytes as text, which do not lie in the body as they are.
    @Test(arguments: ["numpy1", "numpy2"]) func refusesProtocol2(library: String) throws {
        let record = try PickleFixtures.bytes("\(library) sparse 2")
        let failure = #expect(throws: WeightFailure.self) { try read(record, as: try reference()) }
        #expect(failure?.reason.contains("write protocol 3 or later") == true)
    }

    @Test(arguments: DType.allCases.filter(\.isNumPy))
    func readsWhatItWrites(dtype: DType) throws {
        let size = dtype.itemSize
        let spec = try #require(ArraySpec(dtype: dtype, shape: [7, 3, 500]))
        var dense = [UInt8](repeating: 0, count: spec.byteCount)
        let stored = Array(stride(from: 13, to: spec.count, by: 37))
        for index in stored { dense[index * size] = UInt8(index % 255 + 1) }
        var record: [UInt8] = []
        try dense.withUnsafeBytes { dense in
            let writer = SparsePickleWriter(spec: spec, elements: Nonzero(bytes: dense, itemSize: size))
            try writer.write { record += $0 }
            #expect(record.count == writer.byteCount)
            #expect(record.count <= SparsePickleWriter.mostText(spec) + stored.count * (12 + size))
        }
        let (storage, body) = try read(record, as: spec)
        guard case .sparse(stored.count, let coordinates, 4, let values, false) = storage else {
            Issue.record("\(storage)")
            return
        }
        for (place, index) in stored.enumerated() {
            let found = coordinates.map { range in
                (0..<4).reduce(0) { $0 | Int(body[range.lowerBound + 4 * place + $1]) << (8 * $1) }
            }
            #expect((found[0] * 3 + found[1]) * 500 + found[2] == index)
            let start = values.lowerBound + place * size
            #expect(body[start..<start + size].elementsEqual(dense[index * size..<(index + 1) * size]))
        }
    }

    /// A whole FEDWT001 with flag 1, of the shape that needs most text.
    @Test(arguments: [DType.float64, .bfloat16]) func aWriterMayPickle(dtype: DType) throws {
        let shape = Array(repeating: UInt64(1), count: 31) + [UInt64(70_000)]
        let spec = try #require(ArraySpec(name: "w", dtype: dtype, shape: shape))
        let elements = [UInt8](repeating: 0, count: spec.byteCount - 1) + [7]
        let writer = FEDWT001Writer(arrays: [spec], metadata: [:], sparse: .pickle)
        var body: [UInt8] = []
        try elements.withUnsafeBytes { elements in try writer.write({ _ in elements }, to: { body += $0 }) }
        #expect(body.count < writer.maximumSize)
        let decoder = FEDWT001Decoder(limits: DecodeLimits(decodedBytes: 1 << 20))
        try body.withUnsafeBytes { try decoder.feed($0, to: DroppingSink()) }
        let weights = try decoder.finish(to: DroppingSink())
        #expect(weights.arrays.map(\.spec) == [spec])
        let back = try body.withUnsafeBytes { body in
            let normal = NormalArrays(weights, in: body)
            return try withExtendedLifetime(normal) { Array(try normal.elements(0)) }
        }
        #expect(back == elements)
        let dense = FEDWT001Writer(arrays: [spec], metadata: [:], sparse: .never)
        #expect(body.count < dense.maximumSize / 100)
        // A pickle ends with STOP, coordinates and values with the last value.
        #expect(body.last == (dtype.isNumPy ? UInt8(ascii: ".") : 7))
    }

    @Test func refusesOtherPickles() throws {
        for (name, part) in [
            ("numpy2 dict 5", "no values"), ("numpy2 list 5", "a list is not a dict"),
            ("numpy2 one 5", "an array is not a dict"),
        ] {
            let failure = #expect(throws: WeightFailure.self) {
                try read(try PickleFixtures.bytes(name), as: try reference())
            }
            #expect(failure?.reason.contains(part) == true && failure?.array == 3)
        }
    }
}
