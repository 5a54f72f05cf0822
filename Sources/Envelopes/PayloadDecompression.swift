internal import Compression

/// Decompresses payloads, whose size is said and has been admitted.
enum PayloadDecompression {
    /// A stream that may become as large as was said, whatever the ratio.
    ///
    /// - Parameter memory: bytes that it takes before it asks for more.
    static func stream(_ codec: Codec, _ size: Int, memory: Int = .max) -> StreamDecompressor {
        StreamDecompressor(
            codec, limits: ExpansionLimits(maxBytes: UInt64(size), maxRatio: .infinity), memory: memory)
    }

    /// From memory to memory.
    ///
    /// - Parameters:
    ///   - source: the stream and nothing behind it.
    ///   - target: as many bytes as the stream becomes.
    ///   - origin: offset of `source`, for refusals.
    static func decompress(
        _ source: UnsafeRawBufferPointer, _ codec: Codec, to target: UnsafeMutableRawBufferPointer, origin: Int
    ) throws(EnvelopeFailure) {
        let stream = stream(codec, target.count)
        var rest = source
        var written = 0
        do {
            while let output = try stream.step(&rest) {
                UnsafeMutableRawBufferPointer(rebasing: target[written...]).copyMemory(from: output)
                written += output.count
            }
            try stream.finish { _ in }
        } catch {
            let failure = error as? CompressionFailure ?? CompressionFailure(String(describing: error), at: 0)
            throw EnvelopeFailure(failure, target.count, origin: origin)
        }
        guard written == target.count else {
            throw EnvelopeFailure("package.original_size", "is \(target.count), but the payload has \(written) bytes")
        }
    }
}

extension EnvelopeFailure {
    /// A payload that is broken, or larger than was said.
    init(_ failure: CompressionFailure, _ size: Int, origin: Int = 0) {
        if failure.limit == UInt64(size) {
            self.init("package.original_size", "\(size) bytes do not hold the payload")
        } else {
            self.init(
                "payload", failure.reason, at: origin + Int(clamping: failure.offset), limit: failure.limit)
        }
    }
}
