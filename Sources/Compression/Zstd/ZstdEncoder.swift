internal import CZstd
internal import Synchronization

/// Compresses into one zstd frame.
///
/// `@unchecked Sendable` because `Coder` is what hands it from one thread to the next.
final class ZstdEncoder: Engine, @unchecked Sendable {
    let context: OpaquePointer

    init() throws(EngineFailure) {
        guard let context = ZSTD_createCCtx() else { throw EngineFailure(reason: "no memory for a context") }
        self.context = context
    }

    deinit { ZSTD_freeCCtx(context) }

    func begin(level: Int, size: UInt64?) throws(EngineFailure) {
        try ZstdEngine.check(ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters))
        try ZstdEngine.check(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(level)))
        if let size { try ZstdEngine.check(ZSTD_CCtx_setPledgedSrcSize(context, size)) }
    }

    /// Bytes that a context takes for a stream of unknown length; measured once, since zstd does not say.
    static func memory(level: Int) -> Int {
        sizes.withLock { sizes in
            if let known = sizes[level] { return known }
            guard let encoder = try? ZstdEncoder(), (try? encoder.begin(level: level, size: nil)) != nil else {
                return 128 << 20
            }
            let coder = Coder(encoder)
            _ = try? withUnsafeBytes(of: UInt8(0)) { try encoder.step($0, to: coder.output, ending: false) }
            let size = ZSTD_sizeof_CCtx(encoder.context)
            sizes[level] = size
            return size
        }
    }

    private static let sizes = Mutex<[Int: Int]>([:])

    func step(
        _ input: UnsafeRawBufferPointer, to output: UnsafeMutableRawBufferPointer, ending: Bool
    ) throws(EngineFailure) -> EngineStep {
        var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        let left = ZSTD_compressStream2(context, &target, &source, ending ? ZSTD_e_end : ZSTD_e_continue)
        try ZstdEngine.check(left)
        return EngineStep(taken: source.pos, given: target.pos, isDone: left == 0)
    }
}

/// What both directions share.
enum ZstdEngine {
    static func check(_ code: Int) throws(EngineFailure) {
        guard ZSTD_isError(code) == 0 else { throw EngineFailure(reason: String(cString: ZSTD_getErrorName(code))) }
    }
}
