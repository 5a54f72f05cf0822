import Testing
import WeightFormats
import Weights

private func text(_ text: String) -> [UInt8] { Array(text.utf8) }

/// A pickled string.
private func string(_ name: String) -> [UInt8] { [0x8c, UInt8(name.utf8.count)] + text(name) }

/// A field of protobuf's wire type 2.
private func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] { [number << 3 | 2, UInt8(bytes.count)] + bytes }

/// A name that comes twice in one body is refused by every format that has names.
@Suite struct ArrayNamesTests {
    private static let array = #"{"dtype":"U8","shape":[0],"data_offsets":[0,0]}"#
    private static let safetensors = #"{"w":\#(array),"w":\#(array)}"#
    private static let names = #"{"layer_names":["v","w","w"]}"#
    private static let json = #"{"weights":[{"name":"w","data":[1]},{"name":"w","data":[1]}]}"#
    private static let scalar = field(3, text("uint8")) + field(4, [1])
    private static let empty: [UInt8] = [0xc4, 4] + text("name") + [0xa1] + text("w")
    private static let packed: [UInt8] =
        empty + [0xa2] + text("nd") + [0xc2, 0xa4] + text("type") + [0xa3] + text("|u1") + [0xa4] + text("data")

    /// Two members of the same empty .npy file, stored.
    private static let npz: [UInt8] = {
        let head = text("{'descr':'|u1','fortran_order':False,'shape':(0,)}")
        let file = [0x93] + text("NUMPY") + [1, 0, UInt8(head.count), 0] + head
        let sizes: [UInt8] = [UInt8(file.count), 0, 0, 0]
        let checksum: [UInt8] = [252, 246, 206, 20]
        let start = text("PK\u{3}\u{4}") + [20, 0, 0, 8, 0, 0, 0, 0, 0, 0] + checksum
        let member = start + sizes + sizes + [5, 0, 0, 0]
        return [member, text("w.npy"), file, member, text("w.npy"), file].flatMap { $0 }
    }()

    @Test(
        arguments: [
            ("binary_custom", text("FEDWT001") + [3, 0, 0, 0, UInt8(names.utf8.count), 0, 0, 0] + text(names), 40, 2),
            ("safetensors", [UInt8(safetensors.utf8.count), 0, 0, 0, 0, 0, 0, 0] + text(safetensors), 61, nil),
            ("json", text(json), 44, 1),
            ("protobuf", field(2, field(5, text("w")) + scalar) + field(2, [8, 1] + field(5, text("w"))), 19, 1),
            ("npz", npz, 125, 1),
            ("msgpack", [0x92, 0x84] + packed + [0xc4, 1, 9, 0x81] + empty, 38, 1),
        ] as [(String, [UInt8], UInt64, Int?)], [1, Int.max])
    func aNameThatComesTwiceIsRefused(given: (format: String, body: [UInt8], offset: UInt64, array: Int?), pieces: Int)
        throws
    {
        let decoder = try #require(
            WeightFormats.named(given.format)?.decoder?(DecodeLimits(decodedBytes: 1 << 20)))
        let failure = #expect(throws: WeightFailure.self) { try decodeBody(decoder, given.body, pieces: pieces) }
        #expect(failure?.reason.contains(#"the name "w" comes twice"#) == true, "\(failure?.description ?? "")")
        #expect(failure?.offset == given.offset && failure?.array == given.array && failure?.name == "w")
    }
}
