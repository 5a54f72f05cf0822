internal import CLz4

/// Decompresses LZ4 frames.
///
/// Memory: at most two blocks and 192 KiB, so 8.2 MiB for the largest block size of 4 MiB.
///
/// `@unchecked Sendable` because `Coder` is what hands it from one thread to the next.
final class LZ4Decoder: Engine, @unchecked Sendable {
    private let context: OpaquePointer

    init() throws(EngineFailure) {
        var made: OpaquePointer?
        try LZ4Engine.check(LZ4F_createDecompressionContext(&made, UInt32(LZ4F_VERSION)))
        guard let made else { throw EngineFailure(reason: "no memory for a context") }
        context = made
    }

    deinit { LZ4F_freeDecompressionContext(context) }

    func begin(level: Int, size: UInt64?) { LZ4F_resetDecompressionContext(context) }

    func step(
        _ input: UnsafeRawBufferPointer, to output: UnsafeMutableRawBufferPointer, ending: Bool
    ) throws(EngineFailure) -> EngineStep {
        var taken = input.count
        var given = output.count
        let hint = LZ4F_decompress(context, output.baseAddress, &given, input.baseAddress, &taken, nil)
        try LZ4Engine.check(hint)
        return EngineStep(taken: taken, given: given, isDone: hint == 0)
    }
}
