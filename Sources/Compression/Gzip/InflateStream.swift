internal import CZlib

/// Decompresses one raw deflate stream (RFC 1951), as ZIP archives hold them, and knows by itself where it ends.
///
/// Memory: 40 KiB and one piece of output. Thread: one at a time.
public final class InflateStream {
    private static let outputSize = 64 << 10

    // zlib keeps the address of its stream, so it has a place of its own.
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    private let output = UnsafeMutableRawBufferPointer.allocate(byteCount: outputSize, alignment: 64)
    private var taken: UInt64 = 0
    private var isDone = false

    /// A stream at its start.
    ///
    /// - Throws: `CompressionFailure` when memory is short.
    public init() throws(CompressionFailure) {
        stream.initialize(to: z_stream())
        let code = inflateInit2_(stream, -MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard code == Z_OK else { throw CompressionFailure("deflate: \(String(cString: zError(code)))", at: 0) }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
        output.deallocate()
    }

    /// Takes compressed bytes up to the stream's end.
    ///
    /// - Parameters:
    ///   - input: what is behind the end is not taken.
    ///   - sink: takes decompressed bytes, valid during its call only.
    /// - Returns: how many bytes were taken, and whether the stream has ended.
    /// - Throws: `CompressionFailure`, or what the sink throws; the stream is then of no use any more.
    public func write(
        _ input: UnsafeRawBufferPointer, to sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> (taken: Int, isDone: Bool) {
        var rest = input
        var isFull = false
        while !isDone, !rest.isEmpty || isFull {
            let piece = GzipEngine.aim(stream, rest, output)
            let code = inflate(stream, Z_NO_FLUSH)
            let step = GzipEngine.result(stream, piece, output, isDone: code == Z_STREAM_END)
            taken += UInt64(step.taken)
            // Z_BUF_ERROR says that there was nothing to do, which is no fault.
            guard [Z_OK, Z_STREAM_END, Z_BUF_ERROR].contains(code) else {
                throw CompressionFailure("deflate: \(GzipEngine.failure(code, stream).reason)", at: taken)
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[step.taken...])
            isDone = step.isDone
            isFull = step.given == output.count
            if step.given > 0 { try sink(UnsafeRawBufferPointer(rebasing: output[..<step.given])) }
        }
        return (input.count - rest.count, isDone)
    }
}

/// The checksum of ZIP archives and gzip members (ISO 3309).
public enum CRC32 {
    /// The checksum of what was summed up in `checksum`, 0 at first, and `bytes`.
    public static func update(_ checksum: UInt32, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
        guard let base = bytes.baseAddress?.assumingMemoryBound(to: Bytef.self) else { return checksum }
        return UInt32(truncatingIfNeeded: crc32_z(uLong(checksum), base, bytes.count))
    }
}
