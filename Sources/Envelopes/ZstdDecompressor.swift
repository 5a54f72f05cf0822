internal import CZstd

/// Decompresses zstd frames in a row from memory to memory.
///
/// Each frame goes in one call, straight to where its bytes belong, so that the window costs no memory of its own.
///
/// Thread: one at a time.
final class ZstdDecompressor {
    /// The largest window that a frame may ask for.
    static let window: UInt64 = 128 << 20
    private let context: OpaquePointer?

    init() { context = ZSTD_createDCtx() }

    deinit { ZSTD_freeDCtx(context) }

    /// - Parameters:
    ///   - source: one frame or more and nothing behind them.
    ///   - target: as many bytes as the frames hold.
    ///   - origin: offset of `source`, for refusals.
    func decompress(
        _ source: UnsafeRawBufferPointer, to target: UnsafeMutableRawBufferPointer, origin: Int
    ) throws(EnvelopeFailure) {
        guard !source.isEmpty else { throw EnvelopeFailure("payload", "has no zstd frame", at: origin) }
        var read = 0
        var written = 0
        while read < source.count {
            let rest = UnsafeRawBufferPointer(rebasing: source[read...])
            try Self.check(rest, isFirst: read == 0, at: origin + read)
            let size = ZSTD_findFrameCompressedSize(rest.baseAddress, rest.count)
            guard ZSTD_isError(size) == 0 else { throw Self.refusal(size, at: origin + read) }
            let room = UnsafeMutableRawBufferPointer(rebasing: target[written...])
            let count = ZSTD_decompressDCtx(context, room.baseAddress, room.count, rest.baseAddress, size)
            guard ZSTD_isError(count) == 0 else {
                if ZSTD_getErrorCode(count) == ZSTD_error_dstSize_tooSmall {
                    throw EnvelopeFailure("package.original_size", "\(target.count) bytes do not hold the payload")
                }
                throw Self.refusal(count, at: origin + read)
            }
            read += size
            written += count
        }
        guard written == target.count else {
            throw EnvelopeFailure("package.original_size", "is \(target.count), but the payload has \(written) bytes")
        }
    }

    private static func refusal(_ code: Int, at offset: Int) -> EnvelopeFailure {
        EnvelopeFailure("payload", "zstd: \(String(cString: ZSTD_getErrorName(code)))", at: offset)
    }

    /// Looks at a frame's magic and window (RFC 8878, section 3.1.1.1).
    private static func check(
        _ frame: UnsafeRawBufferPointer, isFirst: Bool, at offset: Int
    ) throws(EnvelopeFailure) {
        let magic = frame.count < 4 ? 0 : UInt32(littleEndian: frame.loadUnaligned(as: UInt32.self))
        if magic & 0xffff_fff0 == 0x184d_2a50 { return }
        guard magic == 0xfd2f_b528 else {
            throw EnvelopeFailure(
                "payload", isFirst ? "is not a zstd frame" : "garbage behind the zstd frames", at: offset)
        }
        guard frame.count >= 6 else { throw EnvelopeFailure("payload", "ends in a zstd frame's header", at: offset) }
        let size: UInt64
        if frame[4] & 0x20 == 0 {
            let base = UInt64(1) << (10 + UInt64(frame[5] >> 3))
            size = base + base / 8 * UInt64(frame[5] & 7)
        } else {
            // A frame of a single segment has a window as large as its contents.
            let content = ZSTD_getFrameContentSize(frame.baseAddress, frame.count)
            size = content == UInt64.max - 1 ? 0 : content
        }
        guard size <= window else {
            throw EnvelopeFailure("payload", "a zstd window of \(size) bytes is over \(window)", at: offset)
        }
    }
}
