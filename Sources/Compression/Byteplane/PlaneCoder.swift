internal import CZstd

/// Compresses one plane at a time into a zstd frame of its own.
final class PlaneCoder {
    /// How.
    enum Method {
        /// Without a search for repeats, which a plane of exponents has none of that pay: only Huffman codes.
        case codes
        /// As zstd's level does it.
        case level
    }

    private let level: Int
    private let coder: Coder
    private let context: OpaquePointer
    /// Holds a plane; what does not fit in has not shrunk.
    private let output = UnsafeMutableRawBufferPointer.allocate(
        byteCount: PlaneKernels.blockItems, alignment: 64)

    init(level: Int) throws(EngineFailure) {
        guard let coder = try Coder.encoder(.zstd, level: level), let engine = coder.engine as? ZstdEncoder else {
            throw EngineFailure(reason: "no context")
        }
        self.level = level
        self.coder = coder
        context = engine.context
    }

    deinit {
        output.deallocate()
        CoderPool.encoders.give(coder, .zstd, memory: StreamCompressor.memory(.zstd, level: level))
    }

    /// The frame, in memory that the next call reuses, or nil when it would not be smaller than some bytes.
    ///
    /// - Parameters:
    ///   - plane: at most a block's.
    ///   - limit: the frame is smaller than this.
    ///   - method: how.
    func frame(
        _ plane: UnsafeRawBufferPointer, below limit: Int, _ method: Method
    ) throws(EngineFailure) -> UnsafeRawBufferPointer? {
        try coder.engine.begin(level: method == .codes ? 1 : level, size: nil)
        if method == .codes {
            try set(ZSTD_c_strategy, Int32(ZSTD_fast.rawValue))
            // The step of the search when nothing is found: the largest there is.
            try set(ZSTD_c_targetLength, 128 << 10)
            try set(ZSTD_c_hashLog, 6)
            // With such a step zstd leaves literals as they are unless it is told otherwise. This is zstd's
            // `ZSTD_c_literalCompressionMode`, set to `ZSTD_lcm_huffman` or `ZSTD_ps_enable`, which are both 1; a
            // library that has moved it refuses or ignores it, and frames are larger then, but good.
            _ = ZSTD_CCtx_setParameter(context, ZSTD_c_experimentalParam5, 1)
        }
        let room = min(limit - 1, output.count)
        let size = ZSTD_compress2(context, output.baseAddress, room, plane.baseAddress, plane.count)
        if ZSTD_isError(size) != 0, ZSTD_getErrorCode(size) == ZSTD_error_dstSize_tooSmall { return nil }
        try ZstdEngine.check(size)
        return UnsafeRawBufferPointer(rebasing: output[..<size])
    }

    private func set(_ parameter: ZSTD_cParameter, _ value: Int32) throws(EngineFailure) {
        try ZstdEngine.check(ZSTD_CCtx_setParameter(context, parameter, value))
    }
}
