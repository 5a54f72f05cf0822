internal import CZstd

/// Decompresses zstd frames in a row as they come, into pieces.
///
/// Memory: what a frame's window asks for, 128 MiB at most, and one piece.
///
/// Thread: one at a time.
final class ZstdStream {
    private let context: OpaquePointer?
    private let output = UnsafeMutableRawBufferPointer.allocate(byteCount: ZSTD_DStreamOutSize(), alignment: 16)
    private var isInFrame = false
    private var read = 0

    init() {
        context = ZSTD_createDCtx()
        ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, 27)
    }

    deinit {
        output.deallocate()
        ZSTD_freeDCtx(context)
    }

    /// Takes the next compressed bytes and hands over what they give.
    func feed(_ piece: UnsafeRawBufferPointer, to body: (UnsafeRawBufferPointer) throws -> Void) throws {
        var input = ZSTD_inBuffer(src: piece.baseAddress, size: piece.count, pos: 0)
        var isFull = false
        while input.pos < input.size || isFull {
            var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
            let left = ZSTD_decompressStream(context, &target, &input)
            guard ZSTD_isError(left) == 0 else {
                let name = String(cString: ZSTD_getErrorName(left))
                throw EnvelopeFailure("payload", "zstd: \(name)", at: read + input.pos)
            }
            isInFrame = left != 0
            isFull = target.pos == output.count && isInFrame
            if target.pos > 0 { try body(UnsafeRawBufferPointer(rebasing: output[..<target.pos])) }
        }
        read += piece.count
    }

    /// Ends the stream.
    func finish() throws(EnvelopeFailure) {
        guard !isInFrame else { throw EnvelopeFailure("payload", "ends within a zstd frame", at: read) }
    }
}
