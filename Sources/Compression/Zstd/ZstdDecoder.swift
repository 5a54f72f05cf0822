internal import CZstd

/// Decompresses zstd frames.
///
/// Memory: what a frame's window asks for, 128 MiB at most.
///
/// `@unchecked Sendable` because `Coder` is what hands it from one thread to the next.
final class ZstdDecoder: Engine, @unchecked Sendable {
    /// Binary logarithm of the largest window that a frame may ask for: 128 MiB (protocol.md, section 3).
    static let windowLog: Int32 = 27
    private let context: OpaquePointer

    init() throws(EngineFailure) {
        guard let context = ZSTD_createDCtx() else { throw EngineFailure(reason: "no memory for a context") }
        self.context = context
    }

    deinit { ZSTD_freeDCtx(context) }

    func begin(level: Int, size: UInt64?) throws(EngineFailure) {
        try ZstdEngine.check(ZSTD_DCtx_reset(context, ZSTD_reset_session_and_parameters))
        try ZstdEngine.check(ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, Self.windowLog))
    }

    func step(
        _ input: UnsafeRawBufferPointer, to output: UnsafeMutableRawBufferPointer, ending: Bool
    ) throws(EngineFailure) -> EngineStep {
        var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        let left = ZSTD_decompressStream(context, &target, &source)
        if ZSTD_isError(left) != 0, ZSTD_getErrorCode(left) == ZSTD_error_frameParameter_windowTooLarge {
            let limit = UInt64(1) << UInt64(Self.windowLog)
            throw EngineFailure(reason: "a frame's window is over \(limit) bytes", limit: limit)
        }
        try ZstdEngine.check(left)
        return EngineStep(taken: source.pos, given: target.pos, isDone: left == 0)
    }
}
