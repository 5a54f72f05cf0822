extension CompressionChoice {
    /// Of each sample.
    private static let mostTried = 1 << 20
    /// A way must beat a cheaper one by this.
    private static let gain = 0.98

    /// The best way to store a payload.
    ///
    /// It takes about as long as compressing the samples in each way that is admitted: with zstd alone some 5 ms for
    /// three samples of 256 KiB.
    ///
    /// - Parameters:
    ///   - content: what the payload holds; only arrays are filtered.
    ///   - samples: parts of it, up to 1 MiB of each is looked at; without any byte the choice is `none`.
    ///   - codecs: those that the readers know.
    ///   - filters: those that the readers know.
    /// - Returns: the way, and what it gains on the samples.
    /// - Throws: `CompressionFailure` when memory is short.
    public static func best(
        for content: Content, samples: [Sample], codecs: Set<Codec> = [.zstd],
        filters: Set<StreamFilter> = [.none, .byteplane]
    ) throws -> CompressionChoice {
        let samples = samples.map { sample in
            let count = min(sample.bytes.count, mostTried) / sample.kind.itemSize * sample.kind.itemSize
            return Sample(UnsafeRawBufferPointer(rebasing: sample.bytes[..<count]), kind: sample.kind)
        }
        let size = samples.reduce(0) { $0 + $1.bytes.count }
        let hasPlanes = content == .arrays && samples.contains { $0.kind.itemSize > 1 }
        var best = CompressionChoice.none
        var bestSize = Double(size)
        for (filter, codec) in waysByCost where codecs.contains(codec) {
            guard filters.contains(filter), filter == .none || hasPlanes else { continue }
            let level = content == .text && codec == .gzip ? 6 : codec.defaultLevel
            let way = CompressionChoice(filter: filter, codec: codec, level: level, estimatedRatio: 1)
            let compressed = Double(try way.compressedSize(samples))
            guard compressed < bestSize * gain else { continue }
            (best, bestSize) = (way, compressed)
            best.estimatedRatio = Double(size) / compressed
        }
        return best
    }

    /// The fastest first, as measured on weights.
    private static let waysByCost: [(StreamFilter, Codec)] = [
        (.none, .lz4), (.byteplane, .lz4), (.byteplane, .zstd), (.none, .zstd), (.byteplane, .gzip), (.none, .gzip),
    ]

    private func compressedSize(_ samples: [Sample]) throws -> Int {
        var size = 0
        let compressor = try FilteredCompressor(self)
        for sample in samples {
            if sample.kind.itemSize > 1 {
                try compressor.begin(UInt64(sample.bytes.count / sample.kind.itemSize), of: sample.kind)
            }
            try compressor.write(sample.bytes) { size += $0.count }
        }
        try compressor.finish { size += $0.count }
        return size
    }
}
