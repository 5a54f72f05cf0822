public import Weights
public import WireJSON

/// One way to write weights down (protocol.md, sections 1 and 2): its names, how it is told from others, how it is read
/// and written.
public struct WeightFormat: Sendable, Equatable {
    /// In a package's `format` and in `?format=`.
    public let name: String
    /// Further names in `?format=`.
    public let aliases: [String]
    /// The media type written, first; then others that are read.
    public let mediaTypes: [String]
    /// Ending of a file's name.
    public let suffix: String
    /// Whether the sink of its decoder gets the body as it is, so that places in both are the same.
    public let keepsBody: Bool
    /// Whether a body that begins so is one of this format; needs `WeightFormats.magicSize` bytes, or the whole body.
    let matches: @Sendable ([UInt8]) -> Bool
    /// A decoder at the start of a body; nil for raw bytes, whose type and shape stand elsewhere.
    public let decoder: (@Sendable (DecodeLimits) -> any WeightDecoder)?
    /// An encoder for arrays and metadata.
    public let encoder: @Sendable ([ArraySpec], [String: JSONValue]) -> any WeightEncoder

    /// Of the media types the one that is written.
    public var mediaType: String { mediaTypes[0] }

    /// A name means one format.
    public static func == (one: WeightFormat, other: WeightFormat) -> Bool { one.name == other.name }
}

/// The formats that there are.
///
/// A further one is a decoder, an encoder and an entry here.
public enum WeightFormats {
    /// Bytes that tell a format.
    public static let magicSize = 9

    /// All, the default first.
    public static let all: [WeightFormat] = [
        WeightFormat(
            name: "binary_custom", aliases: ["fedwt"], mediaTypes: ["application/vnd.fedwt"], suffix: ".fedwt",
            keepsBody: true, matches: { $0.starts(with: "FEDWT001".utf8) },
            decoder: { FEDWT001Decoder(limits: $0) }, encoder: { FEDWT001Writer(arrays: $0, metadata: $1) }),
        WeightFormat(
            name: "npy", aliases: [], mediaTypes: ["application/x-npy"], suffix: ".npy", keepsBody: true,
            matches: { $0.starts(with: [0x93] + Array("NUMPY".utf8)) },
            decoder: { NPYDecoder(limits: $0) }, encoder: { NPYEncoder(arrays: $0, metadata: $1) }),
        WeightFormat(
            name: "npz", aliases: [], mediaTypes: ["application/x-npz", "application/zip"], suffix: ".npz",
            keepsBody: false,
            matches: { $0.starts(with: [0x50, 0x4b, 3, 4]) || $0.starts(with: [0x50, 0x4b, 5, 6]) },
            decoder: { NPZDecoder(limits: $0) }, encoder: { NPZEncoder(arrays: $0, metadata: $1) }),
        WeightFormat(
            name: "safetensors", aliases: [],
            mediaTypes: ["application/vnd.safetensors", "application/x-safetensors"], suffix: ".safetensors",
            keepsBody: true,
            // A header of less than 4 GiB, which is an object.
            matches: { $0.count >= 9 && $0[4...7].allSatisfy { $0 == 0 } && $0[8] == UInt8(ascii: "{") },
            decoder: { SafetensorsDecoder(limits: $0) }, encoder: { SafetensorsEncoder(arrays: $0, metadata: $1) }),
        WeightFormat(
            name: "numpy_pickle", aliases: ["pickle"],
            mediaTypes: ["application/x-numpy-pickle", "application/x-pickle"], suffix: ".pkl", keepsBody: false,
            matches: { $0.count >= 2 && $0[0] == 0x80 && (2...5).contains($0[1]) },
            decoder: { PickleDecoder(limits: $0) }, encoder: { PickleEncoder(arrays: $0, metadata: $1) }),
        WeightFormat(
            name: "protobuf", aliases: [], mediaTypes: ["application/x-protobuf", "application/protobuf"],
            suffix: ".pb", keepsBody: false, matches: { _ in false },
            decoder: { ProtobufDecoder(limits: $0) }, encoder: { ProtobufEncoder(arrays: $0, metadata: $1) }),
        WeightFormat(
            name: "msgpack", aliases: [],
            mediaTypes: ["application/vnd.msgpack", "application/msgpack", "application/x-msgpack"], suffix: ".msgpack",
            keepsBody: false, matches: { _ in false },
            decoder: { MessagePackDecoder(limits: $0) }, encoder: { MessagePackEncoder(arrays: $0, metadata: $1) }),
        WeightFormat(
            name: "json_base64", aliases: ["json"], mediaTypes: ["application/json"], suffix: ".json", keepsBody: false,
            matches: { start in
                let first = start.first { ![0x20, 0x09, 0x0a, 0x0d].contains($0) }
                return first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
            },
            decoder: { WeightsJSONDecoder(limits: $0) }, encoder: { WeightsJSONEncoder(arrays: $0, metadata: $1) }),
        WeightFormat(
            name: "raw", aliases: [], mediaTypes: ["application/octet-stream"], suffix: ".bin", keepsBody: true,
            matches: { _ in false }, decoder: nil, encoder: { arrays, _ in RawEncoder(arrays: arrays) }),
    ]

    /// The format of FEDWT001, in which results are kept.
    public static var standard: WeightFormat { all[0] }

    /// The format of that name or alias.
    public static func named(_ name: String) -> WeightFormat? {
        all.first { $0.name == name || $0.aliases.contains(name) }
    }

    /// The format with that media type, without parameters, in lower case.
    public static func ofMediaType(_ type: String) -> WeightFormat? { all.first { $0.mediaTypes.contains(type) } }

    /// The format of a body that begins with these bytes.
    public static func ofBody(_ bytes: [UInt8]) -> WeightFormat? { all.first { $0.matches(bytes) } }

    /// For a refusal.
    public static var names: String {
        all.map { format in
            let aliases = format.aliases.isEmpty ? "" : " (\(format.aliases.joined(separator: ", ")))"
            return format.name + aliases
        }.joined(separator: ", ")
    }
}

/// Decodes a body whose format its first bytes tell.
///
/// Thread: one at a time.
public final class SniffingDecoder: WeightDecoder {
    private let limits: DecodeLimits
    private var start: [UInt8] = []
    private var decoder: (any WeightDecoder)?
    /// Once it is known.
    public private(set) var format: WeightFormat?

    /// A decoder at the start of a body.
    ///
    /// - Parameter limits: what a body may claim.
    public init(limits: DecodeLimits) { self.limits = limits }

    /// Takes the next bytes of the body.
    ///
    /// - Throws: `UnknownFormat` too.
    public func feed(_ piece: UnsafeRawBufferPointer, to sink: any ElementSink) throws {
        if let decoder { return try decoder.feed(piece, to: sink) }
        start += piece
        // JSON may begin with any number of blanks.
        while let first = start.first, [0x20, 0x09, 0x0a, 0x0d].contains(first), start.count > WeightFormats.magicSize {
            start.removeFirst(min(start.prefix { [0x20, 0x09, 0x0a, 0x0d].contains($0) }.count, start.count - 1))
        }
        if start.count >= WeightFormats.magicSize { try decide(sink) }
    }

    /// What the decoder keeps that was chosen.
    public var memory: Int { decoder?.memory ?? 0 }

    /// As the decoder says that was chosen.
    public func name(ofArray index: Int) -> String? { decoder?.name(ofArray: index) }

    /// The decoder of FEDWT001, when the body turned out to be that.
    public var standard: FEDWT001Decoder? { decoder as? FEDWT001Decoder }

    /// Ends the body.
    ///
    /// - Throws: `UnknownFormat` too.
    public func finish(to sink: any ElementSink) throws -> DecodedWeights {
        if decoder == nil { try decide(sink) }
        guard let decoder else { throw UnknownFormat() }
        return try decoder.finish(to: sink)
    }

    private func decide(_ sink: any ElementSink) throws {
        guard let format = WeightFormats.ofBody(start) else { throw UnknownFormat() }
        guard let decoder = format.decoder?(limits) else { throw UnknownFormat() }
        (self.format, self.decoder) = (format, decoder)
        try start.withUnsafeBytes { try decoder.feed($0, to: sink) }
        start = []
    }
}

/// A body that begins as no format does.
public struct UnknownFormat: Error {
    /// An error that says nothing further.
    public init() {}
}
