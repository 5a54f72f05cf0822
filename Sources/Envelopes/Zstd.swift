internal import CZstd

/// A stream of zstd at level 3, the library's own default.
///
/// Thread: one at a time.
final class ZstdCompressor {
    private static let step = 128 << 10

    private let context: OpaquePointer
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: step, alignment: 16)

    init() throws(EnvelopeFailure) {
        guard let context = ZSTD_createCCtx() else {
            throw EnvelopeFailure(field: "compression", reason: "no memory for a zstd stream")
        }
        self.context = context
        ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, 3)
    }

    deinit {
        ZSTD_freeCCtx(context)
        buffer.deallocate()
    }

    /// Compresses the next bytes; what comes out goes to the sink.
    func write(_ bytes: UnsafeRawBufferPointer, isLast: Bool, _ sink: (UnsafeRawBufferPointer) -> Void)
        throws(EnvelopeFailure)
    {
        var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
        let mode = isLast ? ZSTD_e_end : ZSTD_e_continue
        while true {
            var output = ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
            let left = ZSTD_compressStream2(context, &output, &input, mode)
            guard ZSTD_isError(left) == 0 else {
                throw EnvelopeFailure(field: "compression", reason: "zstd: " + String(cString: ZSTD_getErrorName(left)))
            }
            sink(UnsafeRawBufferPointer(rebasing: buffer[..<output.pos]))
            if isLast ? left == 0 : input.pos == input.size { return }
        }
    }

    /// Bytes that so many compressed ones take at most, however they were cut.
    static func bound(_ count: Int) -> Int { count + count / 128 + 1024 }
}

/// Reads zstd: one frame after the other is one stream.
///
/// Thread: one at a time.
final class ZstdDecompressor {
    private let context: OpaquePointer

    init() throws(EnvelopeFailure) {
        guard let context = ZSTD_createDCtx() else {
            throw EnvelopeFailure(field: "compression", reason: "no memory for a zstd stream")
        }
        self.context = context
        // Windows up to 128 MiB (protocol.md, section 3).
        ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, 27)
    }

    deinit { ZSTD_freeDCtx(context) }

    /// Decompresses all of it.
    ///
    /// - Parameters:
    ///   - bytes: whole frames.
    ///   - output: exactly as long as what has to come out.
    func read(_ bytes: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws(EnvelopeFailure) {
        ZSTD_DCtx_reset(context, ZSTD_reset_session_only)
        // One byte more than expected may come out, so that more is seen and not taken for a full buffer.
        var spare: UInt8 = 0
        var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
        var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        var hint = 1
        while true {
            let before = (input.pos, target.pos)
            hint =
                target.pos < output.count || hint == 0
                ? ZSTD_decompressStream(context, &target, &input) : try overflow(&spare, &input)
            guard ZSTD_isError(hint) == 0 else {
                throw EnvelopeFailure(
                    field: "payload", reason: "zstd: " + String(cString: ZSTD_getErrorName(hint)), offset: input.pos)
            }
            if hint == 0, input.pos == input.size { break }
            if before == (input.pos, target.pos), input.pos == input.size {
                throw EnvelopeFailure(field: "payload", reason: "the zstd stream ends too early", offset: input.pos)
            }
        }
        guard target.pos == output.count else {
            throw EnvelopeFailure(field: "original_size", reason: "\(output.count), but \(target.pos) bytes came out")
        }
    }

    /// Goes on when the buffer is full: only the end of the frame may come.
    private func overflow(_ spare: inout UInt8, _ input: inout ZSTD_inBuffer) throws(EnvelopeFailure) -> Int {
        var output = ZSTD_outBuffer()
        let hint = withUnsafeMutableBytes(of: &spare) { bytes in
            output = ZSTD_outBuffer(dst: bytes.baseAddress, size: 1, pos: 0)
            return ZSTD_decompressStream(context, &output, &input)
        }
        guard output.pos == 0 else {
            throw EnvelopeFailure(field: "original_size", reason: "more bytes come out of the payload than it says")
        }
        return hint
    }
}
