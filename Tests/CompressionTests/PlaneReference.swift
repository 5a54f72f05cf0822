internal import Compression

/// The filter as protocol.md says it, element by element, with nothing in common with the kernels.
func planes(of elements: [UInt8], _ kind: ItemKind) -> [UInt8] {
    let size = kind.itemSize
    guard size > 1 else { return elements }
    let bits = UInt64(8 * size)
    let turned = stride(from: 0, to: elements.count, by: size).map { start in
        let item = elements[start..<start + size].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let mask = size == 8 ? UInt64.max : (1 << bits) - 1
        return kind.isFloat ? (item << 1 | item >> (bits - 1)) & mask : item
    }
    var result: [UInt8] = []
    for start in stride(from: 0, to: turned.count, by: 262_144) {
        let block = turned[start..<min(start + 262_144, turned.count)]
        for plane in (0..<size).reversed() {
            result += block.map { UInt8(truncatingIfNeeded: $0 >> UInt64(8 * plane)) }
        }
    }
    return result
}

/// Bytes that look random.
func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var random = Random(state: seed)
    return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
}

/// Float32 elements of a bell's shape, roughly, without the Box-Muller method's logarithms.
func bell(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var random = Random(state: seed)
    return (0..<count).flatMap { _ in
        let sum = (0..<6).reduce(Float(-3)) { sum, _ in sum + Float.random(in: 0..<1, using: &random) }
        return withUnsafeBytes(of: (sum * 0.02).bitPattern.littleEndian) { Array($0) }
    }
}

/// Filters a whole stream.
func filter(_ bytes: [UInt8], _ extents: [PlaneExtent], piece: Int = .max) throws -> [UInt8] {
    var result: [UInt8] = []
    let filter = try PlaneFilter(extents: extents)
    try pieces(bytes, piece) { try filter.write($0) { result += $0.bytes } }
    try filter.finish()
    return result
}

/// Undoes the filter on a whole stream.
func unfilter(_ bytes: [UInt8], _ extents: [PlaneExtent], piece: Int = .max) throws -> [UInt8] {
    var result: [UInt8] = []
    let filter = try PlaneUnfilter(extents: extents)
    try pieces(bytes, piece) { try filter.write($0) { result += $0 } }
    try filter.finish()
    return result
}

/// Filters and compresses a whole stream.
func compress(
    _ bytes: [UInt8], _ extents: [PlaneExtent], _ codec: Codec = .zstd, level: Int? = nil, piece: Int = .max
) throws -> [UInt8] {
    var result: [UInt8] = []
    let choice = CompressionChoice(
        filter: .byteplane, codec: codec, level: level ?? codec.defaultLevel, estimatedRatio: 1)
    let compressor = try FilteredCompressor(choice, extents: extents)
    try pieces(bytes, piece) { try compressor.write($0) { result += $0 } }
    try compressor.finish { result += $0 }
    return result
}
