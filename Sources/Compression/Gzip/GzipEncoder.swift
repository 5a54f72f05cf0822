internal import CZlib

/// Compresses into one gzip member, without a file name or time.
///
/// Memory: 264 KiB.
///
/// `@unchecked Sendable` because `Coder` is what hands it from one thread to the next.
final class GzipEncoder: Engine, @unchecked Sendable {
    // zlib keeps the address of its stream, so it has a place of its own.
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    private var level = Codec.gzip.defaultLevel

    init() throws(EngineFailure) {
        stream.initialize(to: z_stream())
        let code = deflateInit2_(
            stream, Int32(level), Z_DEFLATED, GzipEngine.windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        guard code == Z_OK else {
            stream.deallocate()
            throw GzipEngine.failure(code, nil)
        }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    func begin(level: Int, size: UInt64?) throws(EngineFailure) {
        try check(deflateReset(stream))
        guard level != self.level else { return }
        // Nothing has been written, so that this gives nothing out.
        try check(deflateParams(stream, Int32(level), Z_DEFAULT_STRATEGY))
        self.level = level
    }

    func step(
        _ input: UnsafeRawBufferPointer, to output: UnsafeMutableRawBufferPointer, ending: Bool
    ) throws(EngineFailure) -> EngineStep {
        let piece = GzipEngine.aim(stream, input, output)
        let code = deflate(stream, ending && piece == input.count ? Z_FINISH : Z_NO_FLUSH)
        // Z_BUF_ERROR says that there was nothing to do, which is no fault.
        if code != Z_STREAM_END, code != Z_BUF_ERROR { try check(code) }
        return GzipEngine.result(stream, piece, output, isDone: code == Z_STREAM_END)
    }

    private func check(_ code: Int32) throws(EngineFailure) {
        guard code == Z_OK else { throw GzipEngine.failure(code, stream) }
    }
}

/// What both directions share.
enum GzipEngine {
    /// The largest window, and 16 for a gzip head and trailer rather than zlib's.
    static let windowBits = MAX_WBITS + 16

    /// Points the stream at both buffers.
    ///
    /// - Returns: how much of the input it shows to zlib, whose counts have 32 bits.
    static func aim(
        _ stream: UnsafeMutablePointer<z_stream>, _ input: UnsafeRawBufferPointer,
        _ output: UnsafeMutableRawBufferPointer
    ) -> Int {
        let piece = min(input.count, 1 << 30)
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: input.baseAddress?.assumingMemoryBound(to: Bytef.self))
        stream.pointee.avail_in = UInt32(piece)
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: Bytef.self)
        stream.pointee.avail_out = UInt32(output.count)
        return piece
    }

    static func result(
        _ stream: UnsafeMutablePointer<z_stream>, _ piece: Int, _ output: UnsafeMutableRawBufferPointer, isDone: Bool
    ) -> EngineStep {
        EngineStep(
            taken: piece - Int(stream.pointee.avail_in), given: output.count - Int(stream.pointee.avail_out),
            isDone: isDone)
    }

    static func failure(_ code: Int32, _ stream: UnsafeMutablePointer<z_stream>?) -> EngineFailure {
        if let words = stream?.pointee.msg { return EngineFailure(reason: String(cString: words)) }
        return EngineFailure(reason: String(cString: zError(code)))
    }
}
