/// Compresses a stream that comes in pieces.
///
/// The stream becomes one gzip member, or one frame. Contexts are pooled: a context that a stream gives back serves
/// the next one.
///
/// Memory, whatever the stream's length: 128 KiB of output, and the context: gzip 264 KiB, LZ4 400 KiB, zstd at its
/// default level 3.7 MiB, at level 19 some 90 MiB. `none` needs none.
///
/// Thread: one at a time.
public final class StreamCompressor {
    /// How it compresses.
    public let codec: Codec
    private let level: Int
    private let coder: Coder?
    private var taken: UInt64 = 0
    private var isUsable = true

    /// A compressor for one stream.
    ///
    /// - Parameters:
    ///   - codec: how to compress.
    ///   - level: one of the codec's `levels`; its default when nil.
    ///   - contentSize: bytes that will be written, when that is known: zstd's and LZ4's heads then say so, and one-shot
    ///     readers need it to size their output. A zstd or LZ4 stream of another length then fails.
    /// - Throws: `CompressionFailure` for a level that the codec does not have, or when memory is short.
    public init(_ codec: Codec, level: Int? = nil, contentSize: UInt64? = nil) throws(CompressionFailure) {
        self.codec = codec
        let level = level ?? codec.defaultLevel
        guard codec.levels.contains(level) else {
            let admitted = "\(codec.levels.lowerBound) to \(codec.levels.upperBound)"
            throw CompressionFailure("\(codec): level \(level) is not one of \(admitted)", at: 0)
        }
        self.level = level
        do throws(EngineFailure) {
            coder = try Coder.encoder(codec, level: level)
            try coder?.engine.begin(level: level, size: contentSize)
        } catch {
            throw CompressionFailure("\(codec): \(error.reason)", at: 0)
        }
    }

    deinit { if let coder { CoderPool.encoders.give(coder, codec, memory: Self.memory(codec, level: level)) } }

    /// Bytes that a stream takes, whatever its length.
    ///
    /// - Parameters:
    ///   - codec: how it is compressed.
    ///   - level: one of the codec's.
    public static func memory(_ codec: Codec, level: Int) -> Int {
        switch codec {
        case .none: 0
        case .gzip: Coder.outputSize + (264 << 10)
        case .lz4: Coder.outputSize + (400 << 10)
        case .zstd: Coder.outputSize + ZstdEncoder.memory(level: level)
        }
    }

    /// Takes the next bytes, and hands over what is ready, which may be nothing.
    ///
    /// - Parameters:
    ///   - input: the next bytes; not kept.
    ///   - sink: takes compressed bytes, which are valid during its call only.
    /// - Throws: `CompressionFailure`, or what the sink throws; the stream is then of no use any more.
    public func write(
        _ input: UnsafeRawBufferPointer, to sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try begin()
        guard let coder else {
            if !input.isEmpty { try sink(input) }
            taken += UInt64(input.count)
            return isUsable = true
        }
        var done = 0
        while done < input.count {
            done += try step(coder, UnsafeRawBufferPointer(rebasing: input[done...]), ending: false, to: sink).taken
        }
        isUsable = true
    }

    /// Ends the stream; nothing can be written to it any more.
    ///
    /// - Parameter sink: takes the last compressed bytes, which are valid during its call only.
    /// - Throws: `CompressionFailure`, or what the sink throws.
    public func finish(to sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        try begin()
        guard let coder else { return }
        while try !step(coder, UnsafeRawBufferPointer(start: nil, count: 0), ending: true, to: sink).isDone {}
    }

    private func begin() throws(CompressionFailure) {
        guard isUsable else { throw CompressionFailure("\(codec): the stream has ended or failed", at: taken) }
        isUsable = false
    }

    private func step(
        _ coder: Coder, _ input: UnsafeRawBufferPointer, ending: Bool, to sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> EngineStep {
        let step: EngineStep
        do throws(EngineFailure) {
            step = try coder.engine.step(input, to: coder.output, ending: ending)
        } catch {
            throw CompressionFailure("\(codec): \(error.reason)", at: taken)
        }
        taken += UInt64(step.taken)
        if step.given > 0 { try sink(coder.given(step.given)) }
        return step
    }
}
