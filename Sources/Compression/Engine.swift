/// What a library's context does for a stream, one step after the other.
///
/// Engines are `Sendable` because a pool hands them from one thread to the next; each is used by one at a time.
protocol Engine: AnyObject, Sendable {
    /// Takes some input, gives some output.
    ///
    /// - Parameters:
    ///   - input: may be empty.
    ///   - output: all of `Coder.outputSize`, nothing in it.
    ///   - ending: nothing comes behind the input. Decoders see the end themselves.
    /// - Returns: what was taken and given, and whether the frame ended (a decoder's), or nothing is left (an
    ///   encoder's that is ending).
    func step(
        _ input: UnsafeRawBufferPointer, to output: UnsafeMutableRawBufferPointer, ending: Bool
    ) throws(EngineFailure) -> EngineStep

    /// Forgets the stream that was begun, and begins one.
    ///
    /// - Parameters:
    ///   - level: one of the codec's; decoders have none.
    ///   - size: bytes that will come, when that is known; the frame's header then says so.
    func begin(level: Int, size: UInt64?) throws(EngineFailure)
}

/// What one step did.
struct EngineStep {
    var taken: Int
    var given: Int
    var isDone: Bool
}

/// Why a library refused; its words.
struct EngineFailure: Error {
    var reason: String
    /// The limit that was passed, where one was.
    var limit: UInt64?
}

/// An engine and the memory that it writes into.
///
/// `@unchecked Sendable` because a lease is what hands it from one thread to the next.
final class Coder: @unchecked Sendable {
    /// Holds a zstd block and an LZ4 block with their heads.
    static let outputSize = 128 << 10
    let engine: any Engine
    let output = UnsafeMutableRawBufferPointer.allocate(byteCount: outputSize, alignment: 64)

    init(_ engine: any Engine) { self.engine = engine }

    deinit { output.deallocate() }

    /// What the last step gave.
    func given(_ count: Int) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: output[..<count]) }
}
