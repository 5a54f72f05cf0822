import Compression
import Weights

@testable import WeightFormats

/// FEDWT001 behind the filter: what is undone has to become the input again when it is filtered.
enum Byteplane {
    static func check(_ input: UnsafeRawBufferPointer, _ piece: Int) throws {
        let whole = try plain(input, max(1, input.count))
        let cut = try plain(input, piece)
        try require(whole?.weights.arrays == cut?.weights.arrays, "other arrays when cut")
        try require(whole?.elements == cut?.elements, "other bytes when cut")
        guard let cut else { return }
        let extents = cut.weights.arrays.compactMap { array -> PlaneExtent? in
            guard case .dense(let bytes, _, _) = array.storage, !bytes.isEmpty,
                let kind = ItemKind(itemSize: array.spec.dtype.itemSize, isFloat: array.spec.dtype.isFloat)
            else { return nil }
            return PlaneExtent(offset: UInt64(bytes.lowerBound), count: UInt64(array.spec.count), kind: kind)
        }
        let filter = try PlaneFilter(extents: extents.sorted { $0.offset < $1.offset })
        var again: [UInt8] = []
        try cut.elements.withUnsafeBytes { bytes in
            try bytes.cut(piece) { try filter.write($0) { again.append(contentsOf: $0.bytes) } }
        }
        try filter.finish()
        try require(again.elementsEqual(input), "filtering does not undo what was undone")
    }

    private static func plain(_ input: UnsafeRawBufferPointer, _ piece: Int) throws -> WeightStream.Decoded? {
        let decoder = try ByteplaneDecoder(limits: DecodeLimits(decodedBytes: WeightStream.limit))
        return try? WeightStream.decoded(input, by: decoder, piece)
    }
}
