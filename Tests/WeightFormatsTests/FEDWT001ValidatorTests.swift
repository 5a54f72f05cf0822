import Testing
import WeightFormats
import Weights

/// Little-endian bytes of an integer.
private func le<T: FixedWidthInteger>(_ value: T) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }

/// One array of shape (2, 3) and its record, with the parts that a test wants to spoil.
private func stream(
    magic: String = "FEDWT001", count: UInt32 = 1, metadata: String = "{}", ndim: UInt8 = 2,
    shape: [UInt32] = [2, 3], dtype: String = "float32", elements: UInt64 = 6,
    index: UInt32 = 0, flag: UInt8 = 0, length: UInt64? = nil, data: [UInt8] = Array(repeating: 7, count: 24)
) -> [UInt8] {
    Array(magic.utf8) + le(count) + le(UInt32(metadata.utf8.count)) + Array(metadata.utf8) + [ndim]
        + shape.flatMap { le($0) } + [UInt8(dtype.utf8.count)] + Array(dtype.utf8) + le(elements)
        + le(index) + [flag] + le(length ?? UInt64(data.count)) + data
}

private func sparse(_ rows: [UInt32], _ columns: [UInt32], shape: [UInt32] = [2, 3]) -> [UInt8] {
    le(UInt32(2)) + shape.flatMap { le($0) } + le(UInt64(rows.count)) + (rows + columns).flatMap { le($0) }
        + Array(repeating: 1, count: 4 * rows.count)
}

private func validate(_ bytes: [UInt8], pieces: Int = .max, limit: UInt64 = 1 << 20) throws -> [ArraySpec] {
    var validator = FEDWT001Validator(limits: .init(decodedBytes: limit))
    var rest = bytes[...]
    while !rest.isEmpty {
        let piece = rest.prefix(pieces)
        try piece.withUnsafeBytes { try validator.feed($0) }
        rest = rest.dropFirst(piece.count)
    }
    try validator.finish()
    return validator.arrays
}

@Suite struct FEDWT001ValidatorTests {
    @Test(arguments: [1, 2, 3, 7, 64, Int.max])
    func readsDenseAndSparseInPiecesOfAnySize(pieces: Int) throws {
        let expected = ArraySpec(name: "w", dtype: .float32, shape: [2, 3])
        let named = #"{"layer_names":["w"]}"#
        #expect(try validate(stream(metadata: named), pieces: pieces) == [expected])
        let body = stream(metadata: named, flag: 2, data: sparse([1, 0], [2, 0]))
        #expect(try validate(body, pieces: pieces) == [expected])
        #expect(try validate(stream(metadata: named, flag: 2, data: sparse([], [])), pieces: pieces) == [expected])
    }

    @Test func aScalarHasOneElement() throws {
        let scalar = stream(ndim: 0, shape: [], elements: 1, data: [1, 2, 3, 4])
        #expect(try validate(scalar) == [ArraySpec(dtype: .float32, shape: [])])
    }

    @Test func anEmptyArrayIsEmptyHoweverLargeItsOtherDimensions() throws {
        let empty = stream(ndim: 3, shape: [.max, .max, 0], elements: 0, data: [])
        #expect(try validate(empty).map(\.count) == [0])
    }

    @Test func everyTruncationIsRefusedAtItsEnd() {
        for whole in [stream(), stream(flag: 2, data: sparse([0, 1], [1, 1]))] {
            for count in whole.indices {
                let failure = #expect(throws: WeightFailure.self) { try validate(Array(whole.prefix(count))) }
                #expect(failure?.offset == UInt64(count))
            }
        }
    }

    @Test(
        arguments: [
            (stream(magic: "FEDWT002"), "magic", 0),
            (stream(count: 0), "array count is 0", 8),
            (stream(count: .max), "array count", 8),
            (stream(metadata: "[]"), "metadata", 16),
            (stream(metadata: #"{"layer_names":[]}"#), "layer_names", 31),
            (stream(metadata: #"{"a":{"layer_names":[1]},"layer_names":[ 7]}"#), "neither a string", 57),
            (stream(ndim: 33), "ndim 33", 18),
            (stream(dtype: "complex64"), "complex64", 28),
            (stream(elements: 5), "element count 5", 35),
            (stream(index: 1), "record index 1", 43),
            (stream(flag: 9), "flag 9", 47),
            (stream(length: 25), "byte length 25", 48),
            (stream() + [0], "left over", 80),
            (stream(flag: 2, data: sparse([0, 0], [1, 1])), "twice", 92),
            (stream(flag: 2, data: sparse([2], [0])), "coordinate 2", 76),
            (stream(flag: 2, data: sparse([0], [0], shape: [3, 2])), "sparse shape", 56),
            (stream(flag: 2, length: 36, data: sparse([0], [0])), "does not hold", 68),
        ] as [([UInt8], String, UInt64)])
    func refusalsNameTheFieldAndThePlace(bytes: [UInt8], words: String, offset: UInt64) {
        let failure = #expect(throws: WeightFailure.self) { try validate(bytes) }
        #expect(failure?.reason.contains(words) == true, "\(failure?.reason ?? "")")
        #expect(failure?.offset == offset)
    }

    @Test func shapesThatOverflowOrPassTheLimitAreRefusedBeforeTheirData() {
        let huge = stream(ndim: 4, shape: [.max, .max, .max, .max], elements: 0, data: [])
        #expect(throws: WeightFailure.self) { try validate(huge) }
        let failure = #expect(throws: WeightFailure.self) { try validate(stream(), limit: 23) }
        #expect(failure?.limit == 23)
    }
}
