internal import CLz4

/// Compresses into one LZ4 frame of linked blocks of 64 KiB.
///
/// Memory: 160 KiB at the levels up to 2, 400 KiB above.
///
/// `@unchecked Sendable` because `Coder` is what hands it from one thread to the next.
final class LZ4Encoder: Engine, @unchecked Sendable {
    /// With what waits inside, this fills at most one block, which the output holds with all heads.
    private static let piece = 64 << 10
    private let context: OpaquePointer
    private var preferences = LZ4F_preferences_t()
    private var hasBegun = false

    init() throws(EngineFailure) {
        var made: OpaquePointer?
        try LZ4Engine.check(LZ4F_createCompressionContext(&made, UInt32(LZ4F_VERSION)))
        guard let made else { throw EngineFailure(reason: "no memory for a context") }
        context = made
    }

    deinit { LZ4F_freeCompressionContext(context) }

    func begin(level: Int, size: UInt64?) {
        preferences = LZ4F_preferences_t()
        preferences.compressionLevel = Int32(level)
        preferences.frameInfo.blockSizeID = LZ4F_max64KB
        preferences.frameInfo.blockMode = LZ4F_blockLinked
        // Here 0 is the library's word for a size that is not known.
        preferences.frameInfo.contentSize = size ?? 0
        hasBegun = false
    }

    func step(
        _ input: UnsafeRawBufferPointer, to output: UnsafeMutableRawBufferPointer, ending: Bool
    ) throws(EngineFailure) -> EngineStep {
        var given = 0
        if !hasBegun {
            given = LZ4F_compressBegin(context, output.baseAddress, output.count, &preferences)
            try LZ4Engine.check(given)
            hasBegun = true
        }
        let room = UnsafeMutableRawBufferPointer(rebasing: output[given...])
        if ending, input.isEmpty {
            let count = LZ4F_compressEnd(context, room.baseAddress, room.count, nil)
            try LZ4Engine.check(count)
            return EngineStep(taken: 0, given: given + count, isDone: true)
        }
        let taken = min(input.count, Self.piece)
        let count = LZ4F_compressUpdate(context, room.baseAddress, room.count, input.baseAddress, taken, nil)
        try LZ4Engine.check(count)
        return EngineStep(taken: taken, given: given + count, isDone: false)
    }
}

/// What both directions share.
enum LZ4Engine {
    static func check(_ code: Int) throws(EngineFailure) {
        guard LZ4F_isError(code) == 0 else { throw EngineFailure(reason: String(cString: LZ4F_getErrorName(code))) }
    }
}
