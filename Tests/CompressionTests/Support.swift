internal import Compression

/// Limits that no test meets by chance.
let wide = ExpansionLimits(maxBytes: 1 << 40, maxRatio: .infinity)

/// What is fed to a decompressor, or a stack of them.
protocol Expander {
    func write(_ input: UnsafeRawBufferPointer, to sink: (UnsafeRawBufferPointer) throws -> Void) throws
    func finish(to sink: (UnsafeRawBufferPointer) throws -> Void) throws
}

extension StreamDecompressor: Expander {}

/// Compresses in pieces.
func compress(
    _ bytes: [UInt8], _ codec: Codec, level: Int? = nil, piece: Int = .max, size: UInt64? = nil
) throws -> [UInt8] {
    let compressor = try StreamCompressor(codec, level: level, contentSize: size)
    var result: [UInt8] = []
    try pieces(bytes, piece) { try compressor.write($0) { result += $0 } }
    try compressor.finish { result += $0 }
    return result
}

/// Decompresses in pieces.
func expand(
    _ bytes: [UInt8], _ codec: Codec, piece: Int = .max, limits: ExpansionLimits = wide
) throws -> [UInt8] {
    try expand(bytes, StreamDecompressor(codec, limits: limits), piece: piece)
}

/// Decompresses in pieces.
func expand(_ bytes: [UInt8], _ decompressor: some Expander, piece: Int = .max) throws -> [UInt8] {
    var result: [UInt8] = []
    try pieces(bytes, piece) { try decompressor.write($0) { result += $0 } }
    try decompressor.finish { result += $0 }
    return result
}

/// Why a stream is refused, and how much it gave before; nil when it is not.
func refusal(
    _ bytes: [UInt8], _ decompressor: some Expander, piece: Int = .max
) throws -> (failure: CompressionFailure, given: Int)? {
    var given = 0
    do {
        try pieces(bytes, piece) { try decompressor.write($0) { given += $0.count } }
        try decompressor.finish { given += $0.count }
        return nil
    } catch let failure as CompressionFailure {
        return (failure, given)
    }
}

func pieces(_ bytes: [UInt8], _ piece: Int, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try bytes.withUnsafeBytes { all in
        var start = 0
        while start < all.count {
            let count = min(piece, all.count - start)
            try body(UnsafeRawBufferPointer(rebasing: all[start..<start + count]))
            start += count
        }
    }
}

/// Numbers that look random, the same each time (SplitMix64).
struct Random: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}

/// Bytes from a seed, that shrink to about a half.
func sample(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var random = Random(state: seed)
    return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next() & 15) }
}

/// Bytes from hexadecimal digits.
func bytes(hex: String) -> [UInt8] {
    let digits = hex.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

/// A skippable frame, of zstd or LZ4.
func skippable(_ count: Int, announced: UInt32? = nil) -> [UInt8] {
    let size = announced ?? UInt32(count)
    return [0x53, 0x2a, 0x4d, 0x18] + (0..<4).map { UInt8(truncatingIfNeeded: size >> (8 * $0)) }
        + Array(repeating: 0xfd, count: count)
}

extension Codec {
    /// All but `none`.
    static let compressing: [Codec] = [.gzip, .zstd, .lz4]
}
