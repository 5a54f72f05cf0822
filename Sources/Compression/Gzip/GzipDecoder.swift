internal import CZlib

/// Decompresses gzip members.
///
/// Memory: 40 KiB.
///
/// `@unchecked Sendable` because `Coder` is what hands it from one thread to the next.
final class GzipDecoder: Engine, @unchecked Sendable {
    // zlib keeps the address of its stream, so it has a place of its own.
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    private var isBehindMember = false

    init() throws(EngineFailure) {
        stream.initialize(to: z_stream())
        let code = inflateInit2_(
            stream, GzipEngine.windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard code == Z_OK else {
            stream.deallocate()
            throw GzipEngine.failure(code, nil)
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    func begin(level: Int, size: UInt64?) throws(EngineFailure) {
        isBehindMember = false
        try check(inflateReset(stream))
    }

    func step(
        _ input: UnsafeRawBufferPointer, to output: UnsafeMutableRawBufferPointer, ending: Bool
    ) throws(EngineFailure) -> EngineStep {
        if isBehindMember { try begin(level: 0, size: nil) }
        let piece = GzipEngine.aim(stream, input, output)
        let code = inflate(stream, Z_NO_FLUSH)
        isBehindMember = code == Z_STREAM_END
        // Z_BUF_ERROR says that there was nothing to do, which is no fault.
        if code != Z_STREAM_END, code != Z_BUF_ERROR { try check(code) }
        return GzipEngine.result(stream, piece, output, isDone: isBehindMember)
    }

    private func check(_ code: Int32) throws(EngineFailure) {
        guard code == Z_OK else { throw GzipEngine.failure(code, stream) }
    }
}
