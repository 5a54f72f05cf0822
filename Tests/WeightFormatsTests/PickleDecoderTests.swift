import Testing
import WeightFormats
import Weights
import WireJSON

private let libraries = ["numpy1", "numpy2"]

private func decoder() -> any WeightDecoder { PickleDecoder(limits: DecodeLimits(decodedBytes: 1 << 20)) }

/// The weights with what the sink has of each array, as it lies there.
private func decode(_ body: [UInt8], pieces: Int = .max) throws -> (weights: DecodedWeights, elements: [[UInt8]]) {
    let sink = KeepingSink()
    let decoder = decoder()
    for start in stride(from: 0, to: body.count, by: min(pieces, body.count)) {
        let piece = Array(body[start..<min(body.count, start + min(pieces, body.count))])
        try piece.withUnsafeBytes { try decoder.feed($0, to: sink) }
    }
    let weights = try decoder.finish(to: sink)
    let elements = weights.arrays.map { array in
        guard case .dense(let range, _, _) = array.storage else { return [UInt8]() }
        return Array(sink.bytes[range])
    }
    return (weights, elements)
}

private func floats(_ values: Float...) -> [UInt8] { values.flatMap { littleEndian($0.bitPattern) } }

@Suite struct PickleDecoderTests {
    @Test(arguments: libraries, [2, 3, 4, 5])
    func readsWhatNumPyWrites(library: String, version: Int) throws {
        let body = try PickleFixtures.bytes("\(library) all \(version)")
        let (weights, elements) = try decode(body)
        let byName = Dictionary(uniqueKeysWithValues: zip(weights.arrays, elements).map { ($0.spec.name, ($0, $1)) })
        #expect(weights.arrays.map(\.spec.name).first == "layer.0")
        #expect(weights.arrays.count == 21)

        let types: [DType] = [
            .float16, .float32, .float64, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64,
        ]
        for (place, dtype) in types.enumerated() {
            let (array, bytes) = try #require(byName["layer.\(place)"])
            #expect(array.spec.dtype == dtype && array.spec.shape == [2, 3])
            let expected = (0..<6).flatMap { number -> [UInt8] in
                switch dtype {
                case .float16: littleEndian(Float16(number + place).bitPattern)
                case .float32: littleEndian(Float(number + place).bitPattern)
                case .float64: littleEndian(Double(number + place).bitPattern)
                default: Array(littleEndian(number + place).prefix(dtype.itemSize))
                }
            }
            #expect(bytes == expected)
        }
        try expect(byName, "bool", .bool, [3], [1, 0, 1])
        try expect(byName, "big", .float32, [3], [0, 0, 0, 0, 0x3f, 0x80, 0, 0, 0x40, 0, 0, 0], bigEndian: true)
        try expect(byName, "fortran", .int16, [2, 3], [0, 0, 3, 0, 1, 0, 4, 0, 2, 0, 5, 0], axes: [1, 0])
        try expect(byName, "scalar", .float64, [], littleEndian(2.5.bitPattern))
        try expect(byName, "empty", .int16, [0, 300], [])
        try expect(byName, "one", .uint8, [1], [98])
        try expect(byName, "a", .uint8, [1], [97])
        try expect(byName, "high", .uint8, [40], Array(200..<240))
        try expect(byName, "strided", .float32, [4], floats(0, 2, 4, 6))

        #expect(
            weights.metadata == [
                "text": .string("é"), "f": .number(0.5), "n": .null, "t": .bool(true), "o": .object(["x": .integer(1)]),
                "big": .number(0x1p63),
                "list": .array(
                    [1, 300, 70000, -1, 1 << 40, -1 << 40].map { .integer($0) } + [
                        .array([.integer(2), .integer(3)])
                    ]),
            ])
        for pieces in [1, 7] {
            let again = try decode(body, pieces: pieces)
            #expect(again.elements == elements && again.weights.metadata == weights.metadata)
            #expect(again.weights.arrays == weights.arrays)
        }
    }

    private func expect(
        _ arrays: [String?: (DecodedArray, [UInt8])], _ name: String, _ dtype: DType, _ shape: [UInt64],
        _ bytes: [UInt8], axes: [Int]? = nil, bigEndian: Bool = false
    ) throws {
        let (array, elements) = try #require(arrays[name])
        #expect(array.spec == ArraySpec(name: name, dtype: dtype, shape: shape))
        guard case .dense(_, axes, bigEndian) = array.storage else {
            Issue.record("\(name) is \(array.storage)")
            return
        }
        #expect(elements == bytes)
    }

    /// `arange(24).reshape(2, 3, 4).transpose(1, 2, 0)`: NumPy 2.4 keeps the order of memory, others write C or Fortran.
    @Test(arguments: libraries, [2, 3, 4, 5])
    func findsPermutedElements(library: String, version: Int) throws {
        let (weights, elements) = try decode(try PickleFixtures.bytes("\(library) all \(version)"))
        let place = try #require(weights.arrays.firstIndex { $0.spec.name == "permuted" })
        let array = weights.arrays[place]
        #expect(array.spec.shape == [3, 4, 2])
        guard case .dense(_, let axes, false) = array.storage else {
            Issue.record("\(array.storage)")
            return
        }
        if library == "numpy2", version == 5 { #expect(axes == [2, 0, 1]) }
        for i in 0..<3 {
            for j in 0..<4 {
                for k in 0..<2 {
                    let index = [i, j, k]
                    let at = (axes ?? [0, 1, 2]).reduce(0) { $0 * Int(array.spec.shape[$1]) + index[$1] }
                    #expect(Array(elements[place][at * 4..<at * 4 + 4]) == floats(Float(k * 12 + i * 4 + j)))
                }
            }
        }
    }

    @Test(arguments: libraries, [2, 5])
    func readsEveryTopLevel(library: String, version: Int) throws {
        let bytes = [floats(1, 2), littleEndian(Int64(1)) + littleEndian(Int64(2))]
        for (form, names) in [
            ("list", [nil, nil]), ("tuple", [nil, nil]), ("dict", ["x", "y"]), ("ordered", ["x", "y"]), ("one", [nil]),
        ] as [(String, [String?])] {
            let (weights, elements) = try decode(try PickleFixtures.bytes("\(library) \(form) \(version)"))
            #expect(weights.arrays.map(\.spec.name) == names)
            #expect(elements == Array(bytes.prefix(names.count)))
            #expect(weights.metadata.isEmpty)
        }
        let (shared, elements) = try decode(try PickleFixtures.bytes("\(library) shared \(version)"))
        #expect(shared.arrays.count == 2 && shared.arrays[0] == shared.arrays[1] && elements[0] == elements[1])
    }

    @Test(arguments: libraries, [2, 5])
    func readsTypesOfMLDtypes(library: String, version: Int) throws {
        let (weights, elements) = try decode(try PickleFixtures.bytes("\(library) ml \(version)"))
        #expect(weights.arrays.map(\.spec.dtype) == [.bfloat16, .float8e4m3fn, .float8e5m2])
        #expect(elements == [[0, 0, 0x80, 0x3f, 0, 0x40], [0, 0x38, 0x40], [0, 0x3c, 0x40]])
    }

    @Test(arguments: libraries, [2, 5])
    func refusesWhatIsCutOff(library: String, version: Int) throws {
        expectTruncationsRefused(try PickleFixtures.bytes("\(library) dict \(version)"), decoder)
    }

    @Test(arguments: libraries, [2, 5])
    func survivesSpoiltBytes(library: String, version: Int) throws {
        expectNoCrash(try PickleFixtures.bytes("\(library) dict \(version)"), decoder)
        expectNoCrash(try PickleFixtures.bytes("\(library) ml \(version)"), decoder)
    }

    @Test func sharedArraysCountAgainstTheLimit() throws {
        let body = try PickleFixtures.bytes("numpy2 shared 5")
        let failure = #expect(throws: WeightFailure.self) {
            try decodeBody(PickleDecoder(limits: DecodeLimits(decodedBytes: 15)), body)
        }
        #expect(failure?.limit == 15)
        _ = try decodeBody(PickleDecoder(limits: DecodeLimits(decodedBytes: 16)), body)
    }
}
