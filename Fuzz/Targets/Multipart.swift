import WeightFormats
import Weights

@testable import Gateway

/// A body of `multipart/form-data` with the boundary `xyz`; the archive that is made of it has to be one.
enum Multipart {
    static func check(_ input: UnsafeRawBufferPointer, _ piece: Int) throws {
        let whole = try? archive(input, max(1, input.count))
        let cut = try? archive(input, piece)
        try require(whole?.bytes == cut?.bytes && whole?.fields == cut?.fields, "another archive when cut")
        guard let cut else { return }
        let decoder = NPZDecoder(limits: DecodeLimits(decodedBytes: WeightStream.limit))
        try cut.bytes.withUnsafeBytes { bytes in
            do { _ = try WeightStream.decoded(bytes, by: decoder, piece) } catch {
                throw Broken("the archive of it is refused: \(error)")
            }
        }
    }

    private static func archive(
        _ input: UnsafeRawBufferPointer, _ piece: Int
    ) throws -> (bytes: [UInt8], fields: [String: String]) {
        let stage = MultipartStage(boundary: "xyz", limits: DecodeLimits(decodedBytes: WeightStream.limit))
        var bytes: [UInt8] = []
        try input.cut(piece) { part in
            var rest = part
            while let output = try stage.step(&rest) { bytes.append(contentsOf: output) }
        }
        try stage.finish()
        return (bytes, stage.fields)
    }
}
