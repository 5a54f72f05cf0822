import Testing
import WeightFormats
import Weights

private func decoder() -> any WeightDecoder { PickleDecoder(limits: DecodeLimits(decodedBytes: 1 << 20)) }

private func text(_ text: String) -> [UInt8] { [0x8c, UInt8(text.utf8.count)] + Array(text.utf8) }

private func ascii(_ text: String) -> [UInt8] { Array(text.utf8) }

private let proto: [UInt8] = [0x80, 4]

/// `numpy.empty` of no elements, as NumPy's pickles begin; then `(1, shape, dtype, False, data)` and BUILD.
private func array(shape: [UInt8], type: String = "u1", order: String = "|", data: [UInt8]) -> [UInt8] {
    ascii("cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK") + [0, 0x85] + ascii("C") + [1] + ascii("b")
        + [0x87] + ascii("R(K") + [1] + shape + ascii("cnumpy\ndtype\n") + text(type) + [0x89, 0x88, 0x87]
        + ascii("R(K") + [3] + text(order) + ascii("NNNJ") + [255, 255, 255, 255] + ascii("J") + [255, 255, 255, 255]
        + ascii("K") + [0] + ascii("tb") + [0x89] + data + ascii("tb")
}

private let small = array(shape: ascii("K") + [2, 0x85], data: ascii("C") + [2, 7, 8])

@Suite struct PickleRefusalTests {
    private func refusal(_ body: [UInt8], _ part: String, at offset: UInt64? = nil) {
        for pieces in [Int.max, 1] {
            let failure = #expect(throws: WeightFailure.self) { try decodeBody(decoder(), body, pieces: pieces) }
            #expect(failure?.reason.contains(part) == true, "\(failure?.reason ?? "")")
            if let offset { #expect(failure?.offset == offset) }
        }
    }

    @Test func theHandMadeArrayIsRight() throws {
        let decoded = try decodeBody(decoder(), proto + small + ascii("."))
        #expect(decoded.arrays == [try namedArray(.uint8, [2], nil, [7, 8])])
    }

    @Test(arguments: [
        ("os", "system"), ("posix", "system"), ("builtins", "eval"), ("builtins", "exec"), ("__builtin__", "eval"),
        ("builtins", "getattr"), ("subprocess", "Popen"), ("numpy", "load"), ("numpy.core.multiarray", "scalar"),
        ("numpy", "ndarray.tofile"), ("collections", "defaultdict"), ("ml_dtypes", "finfo"), ("_codecs", "decode"),
        ("", ""), ("builtins", "bytes.fromhex"),
    ])
    func refusesOtherGlobals(module: String, name: String) {
        let call = text("true") + [0x85] + ascii("R.")
        refusal(proto + ascii("c\(module)\n\(name)\n") + call, "global \"\(module).\(name)\"", at: 2)
        let place = UInt64(6 + module.utf8.count + name.utf8.count)
        refusal(proto + text(module) + text(name) + [0x93] + call, "global \"\(module).\(name)\"", at: place)
    }

    @Test func refusesGlobalsOutsideTheirConstruction() {
        for (global, arguments) in [
            ("numpy\nndarray", [0x29]), ("numpy\ndtype", [0x29]), ("builtins\nbytes", ascii("K") + [9, 0x85]),
            ("collections\nOrderedDict", [0x5d, 0x85]), ("_codecs\nencode", text("x") + text("utf-8") + [0x86]),
            ("_codecs\nencode", text("x") + text("rot13") + [0x86]), ("ml_dtypes\nbfloat16", [0x29]),
            ("numpy.core.multiarray\n_reconstruct", [0x29]), ("numpy.core.numeric\n_frombuffer", [0x29]),
        ] as [(String, [UInt8])] {
            refusal(proto + ascii("c\(global)\n") + arguments + ascii("R."), "is not how NumPy uses it")
        }
        refusal(proto + ascii("cnumpy\ndtype\n."), "a global")
        refusal(proto + ascii("]") + small + ascii("acnumpy\ndtype\na."), "a global")
        refusal(proto + [0x5d, 0x29] + ascii("R."), "REDUCE calls a list")
    }

    @Test(arguments: [UInt8](0...255).filter { !Array("(.NJKMGXCBRb)t]ae}suqrhjc".utf8).contains($0) })
    func refusesOtherOpcodes(opcode: UInt8) {
        let admitted: [UInt8] = [0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x8d, 0x8e, 0x85, 0x86, 0x87, 0x93, 0x94, 0x95, 0x96]
        guard !admitted.contains(opcode) else { return }
        refusal(proto + [opcode, 0, 0, 0, 0, 0, 0, 0, 0], "opcode 0x", at: 2)
    }

    @Test func refusesOtherBeginningsAndEnds() {
        refusal(ascii("(lp0\n."), "PROTO", at: 0)
        refusal([0x80, 1], "protocol 1", at: 0)
        refusal([0x80, 6], "protocol 6", at: 0)
        refusal(proto + small + ascii(".x"), "left over")
        refusal(proto + ascii("."), "STOP with 0 values")
        refusal(proto + small + small + ascii("."), "STOP with 2 values")
        refusal(proto + ascii("]."), "no array")
        refusal(proto + ascii("K") + [1] + ascii("."), "weights are an integer")
        refusal(proto + [0x95, 9, 0, 0, 0, 0, 0, 0, 0] + ascii("N."), "before the end of the frame")
        refusal(proto + [0x95] + Array(repeating: 255, count: 8), "FRAME of")
        refusal(proto + [0x95, 20, 0, 0, 0, 0, 0, 0, 0, 0x95, 1, 0, 0, 0, 0, 0, 0, 0], "within a frame", at: 11)
    }

    @Test func refusesMemoAbuse() {
        refusal(proto + ascii("h") + [0], "memo 0 was never set", at: 2)
        refusal(proto + ascii("j") + [255, 255, 255, 255], "was never set")
        refusal(proto + ascii("Nr") + [255, 255, 255, 255], "leaves out 0")
        refusal(proto + ascii("Nq") + [1], "leaves out 0")
        refusal(proto + [0x94], "stack is empty")
        refusal(proto + ascii("N(") + [0x94], "a MARK lies on it")
        // A list within itself.
        refusal(proto + ascii("]") + [0x94] + ascii("h") + [0] + ascii("a."), "a weight is a list")
        let loop = text("metadata") + ascii("]") + [0x94] + ascii("h") + [0] + ascii("as")
        refusal(proto + ascii("}") + loop + ascii("."), "metadata is")
        let deep = text("metadata") + ascii("}") + text("x") + ascii("]") + [0x94] + ascii("h") + [0] + ascii("ass")
        refusal(proto + ascii("}") + deep + ascii("."), "nested deeper than 64")
    }

    /// Twenty lists, each with the one before twice, are a million and more once unfolded.
    @Test func refusesUnfolding() {
        var body = proto + ascii("}") + text("metadata") + ascii("}") + text("x") + ascii("](]") + [0x94]
        for level in UInt8(0)..<20 { body += ascii("](h") + [level] + ascii("h") + [level] + ascii("e") + [0x94] }
        refusal(body + ascii("ess."), "more than 1000000 objects")

        let long = ascii("X") + littleEndian(UInt32(600_000)) + Array(repeating: 0x61, count: 600_000) + [0x94]
        let twice = proto + ascii("}") + text("metadata") + ascii("}") + text("x") + ascii("](") + long
        refusal(twice + ascii("h") + [0] + ascii("ess."), "metadata and names take more than")
    }

    @Test func boundsWhatIsKept() {
        refusal(proto + Array(repeating: UInt8(ascii: "("), count: 1_000_001), "more than 1000000 objects")
        refusal(proto + ascii("N") + Array(repeating: 0x94, count: 1_000_001), "more than 1000000 objects")
        refusal(proto + Array(repeating: UInt8(ascii: "]"), count: 1_000_001), "more than 1000000 objects")
        var nested = proto + ascii("}") + text("metadata") + ascii("}") + text("x")
        nested += Array(repeating: UInt8(ascii: "]"), count: 70) + Array(repeating: UInt8(ascii: "a"), count: 69)
        refusal(nested + ascii("ss."), "nested deeper than 64")
    }

    @Test func refusesLengthsThatLie() {
        for opcode: UInt8 in [0x8d, 0x8e, 0x96] {
            for length: UInt64 in [1 << 20 + 1, 1 << 40, .max] {
                refusal(proto + [opcode] + littleEndian(length), "take more than", at: 2)
            }
        }
        refusal(proto + ascii("B") + [255, 255, 255, 255], "take more than", at: 2)
        refusal(proto + ascii("X") + [255, 255, 255, 255], "take more than", at: 2)
        refusal(proto + ascii("c_codecs\nencode\nX") + [255, 255, 255, 255], "take more than")
        refusal(proto + [0x8b, 255, 255, 255, 255], "an integer has")
        refusal(proto + ascii("c") + Array(repeating: 0x61, count: 300), "longer than 255")
    }

    @Test func refusesArraysThatDisagree() {
        let two = ascii("K") + [2, 0x85]
        let data = ascii("C") + [2, 7, 8]
        func refuse(_ array: [UInt8], _ part: String) { refusal(proto + array + ascii("."), part) }
        refuse(array(shape: ascii("K") + [3, 0x85], data: data), "data has 2 bytes")
        refuse(array(shape: ascii("J") + [255, 255, 255, 255, 0x85], data: data), "no length")
        refuse(array(shape: [0x5d], data: data), "shape of an array is a list")
        refuse(array(shape: ascii("(") + Array(repeating: 0x88, count: 2) + ascii("t"), data: data), "no length")
        refuse(array(shape: two, data: [0x5d]), "not bytes")
        refuse(array(shape: two, type: "O8", data: data), "dtype \"O8\"")
        refuse(array(shape: two, type: "V2", data: data), "dtype \"V2\"")
        refuse(array(shape: two, order: "?", data: data), "byte order")
        let length = ascii("J") + [255, 255, 255, 127]
        let huge = length + length + length + [0x87]
        refuse(array(shape: huge, data: data), "overflows")
        let many = ascii("(") + Array(repeating: ascii("K") + [1], count: 33).flatMap { $0 } + ascii("t")
        refuse(array(shape: many, data: data), "more than 32 dimensions")
        // Never built, and built twice.
        refuse(Array(small.prefix(while: { $0 != UInt8(ascii: "R") })) + ascii("R"), "not a whole array")
        let state = ascii("(NNNNNtb")
        refuse(small + state, "BUILD of an array")
        // Text that no encode takes, and that holds more than bytes.
        let encode = ascii("c_codecs\nencode\nX") + [4, 0, 0, 0]
        refuse(array(shape: two, data: encode + ascii("abcd")), "BUILD of an array with 6 values")
        refuse(encode + ascii("a") + Array("€".utf8), "beyond U+00FF")
        refuse(encode + ascii("abc") + [0xc3] + text("latin1") + [0x86] + ascii("R"), "not UTF-8")
    }

    @Test func refusesNamesThatComeTwice() {
        func refuse(_ body: [UInt8], at place: Int) {
            let failure = #expect(throws: WeightFailure.self) { try decodeBody(decoder(), body + ascii(".")) }
            #expect(failure?.reason.contains("the name \"x\" comes twice") == true, "\(failure?.reason ?? "")")
            #expect(failure?.offset == UInt64(place) && failure?.array == 1 && failure?.name == "x")
        }
        let first = proto + ascii("}") + text("x") + small + ascii("s")
        refuse(first + text("x") + small + ascii("s"), at: first.count)
        let list = proto + ascii("}") + text("weights") + ascii("](") + small + small + ascii("es")
        let names = list + text("metadata") + ascii("}") + text("layer_names") + ascii("](") + text("x")
        refuse(names + text("x") + ascii("ess"), at: names.count)
    }

    @Test func refusesDictsThatDisagree() {
        func refuse(_ body: [UInt8], _ part: String) { refusal(proto + ascii("}") + body + ascii("."), part) }
        refuse(text("weights") + ascii("]s") + text("weights") + ascii("]s"), "key \"weights\" comes twice")
        refuse(text("x") + ascii("Ns"), "not an array")
        refuse(ascii("K") + [1] + small + ascii("s"), "a key is an integer")
        refuse(text("weights") + small + ascii("s") + text("metadata") + ascii("]s"), "metadata is a list")
        refuse(text("weights") + ascii("]s") + text("extra") + ascii("Ns"), "neither weights nor metadata")
        refuse(ascii("(") + text("x") + ascii("u"), "SETITEM of 1 values")
        let metadata = text("weights") + small + ascii("s") + text("metadata") + ascii("}") + text("k")
        refuse(metadata + ascii("C") + [2, 0, 0] + ascii("ss"), "metadata holds bytes")
        refuse(metadata + ascii("G") + [0x7f, 0xf8, 0, 0, 0, 0, 0, 0] + ascii("ss"), "nan")
        refuse(metadata + ascii("X") + [1, 0, 0, 0, 0xff] + ascii("ss"), "not UTF-8")
    }
}
