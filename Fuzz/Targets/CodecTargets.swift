import Compression

extension FuzzTarget {
    /// One for each compression.
    static let codecs = Codec.allCases.filter { $0 != .none }.map { codec in
        FuzzTarget(name: codec.rawValue) { input, piece in
            let whole = try expanded(input, codec, max(1, input.count))
            let cut = try expanded(input, codec, piece)
            try require(whole == cut, "another stream when cut")
        }
    }

    /// What a stream becomes; nil when it is refused.
    private static func expanded(_ input: UnsafeRawBufferPointer, _ codec: Codec, _ piece: Int) throws -> [UInt8]? {
        let limit = 1 << 20
        let stream = StreamDecompressor(codec, limits: ExpansionLimits(maxBytes: UInt64(limit)))
        var given: [UInt8] = []
        do {
            try input.cut(piece) { try stream.write($0) { given.append(contentsOf: $0) } }
            try stream.finish { given.append(contentsOf: $0) }
        } catch {
            try require(given.count <= limit, "\(given.count) bytes are over the limit")
            return nil
        }
        try require(given.count <= limit, "\(given.count) bytes are over the limit")
        return given
    }
}
