internal import CZstd
internal import Synchronization

/// A zstd context that compresses one stream after the other, with memory to compress into.
///
/// Thread: one at a time. `@unchecked Sendable` because a lease is what hands it from one to the next.
final class ZstdCompressor: @unchecked Sendable {
    /// What the reference configures.
    static let level: Int32 = 3
    /// Memory for output that has to be encoded further; a block and its head fit.
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: ZSTD_CStreamOutSize(), alignment: 16)
    private let context: OpaquePointer?

    init() { context = ZSTD_createCCtx() }

    deinit {
        scratch.deallocate()
        ZSTD_freeCCtx(context)
    }

    /// Forgets whatever stream was begun.
    func reset() {
        ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters)
        ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Self.level)
    }

    /// Compresses some of the input into the output.
    ///
    /// - Returns: bytes taken, bytes given, and whether nothing is left inside.
    func step(
        _ input: UnsafeRawBufferPointer, to output: UnsafeMutableRawBufferPointer, ending: Bool
    ) throws(EnvelopeFailure) -> (taken: Int, given: Int, done: Bool) {
        var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        let left = ZSTD_compressStream2(context, &target, &source, ending ? ZSTD_e_end : ZSTD_e_continue)
        guard ZSTD_isError(left) == 0 else {
            throw EnvelopeFailure("payload", "zstd: \(String(cString: ZSTD_getErrorName(left)))")
        }
        return (source.pos, target.pos, left == 0)
    }

    /// Bytes that a stream of so many takes at most, or nil when that does not fit an `Int`.
    static func bound(_ count: Int) -> Int? {
        // A streaming writer does not announce the size: its frame header and each block's head add to the library's
        // bound for one call.
        let (bound, overflow) = count.addingReportingOverflow(count / 128 + 2048)
        return overflow ? nil : bound
    }
}

/// A compressor for as long as a stream takes; then it is kept for the next one, since a context is large.
final class ZstdLease {
    private static let kept = Mutex<[ZstdCompressor]>([])
    /// More than streams at one time on the processors of one machine, usually.
    private static let mostKept = 16

    let compressor: ZstdCompressor

    init() {
        compressor = Self.kept.withLock { $0.popLast() } ?? ZstdCompressor()
        compressor.reset()
    }

    deinit {
        let compressor = compressor
        Self.kept.withLock { if $0.count < Self.mostKept { $0.append(compressor) } }
    }
}
