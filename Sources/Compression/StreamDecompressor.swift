/// Decompresses a stream that comes in pieces.
///
/// Several gzip members or frames in a row are one stream; skippable zstd and LZ4 frames are passed over. Refused are: a
/// stream without any member or frame, one that is cut off, anything else behind a frame, a zstd window over 128 MiB,
/// a zstd frame that needs a dictionary, and whatever grows beyond the limits, of which at most one output buffer has
/// been made by then and handed to nobody. Contexts are pooled: up to 16 of a codec wait for their next stream.
///
/// Memory, whatever the stream's length: 128 KiB of output, and the context: gzip 40 KiB, LZ4 at most 8.2 MiB, zstd 160
/// KiB and the frame's window (2 MiB as level 3 writes it, 128 MiB at most). `none` needs none.
///
/// Thread: one at a time.
public final class StreamDecompressor {
    private enum Place {
        case head
        case frame
        case skipping(UInt64)
    }

    /// How the stream is compressed.
    public let codec: Codec
    private let coder: Coder?
    private var gauge: ExpansionGauge
    private var place = Place.head
    private var head = FrameHead()
    private var frames: UInt64 = 0
    private var skipped: UInt64 = 0
    private var isUsable = true
    /// The last output filled its room, so that there may be more without further input.
    private var isFull = false

    /// A decompressor for one stream.
    ///
    /// - Parameters:
    ///   - codec: how the stream is compressed.
    ///   - limits: how much it may become.
    /// - Throws: `CompressionFailure` when memory is short.
    public init(_ codec: Codec, limits: ExpansionLimits) throws(CompressionFailure) {
        self.codec = codec
        gauge = ExpansionGauge(limits, name: codec.rawValue)
        do throws(EngineFailure) {
            coder = try Coder.decoder(codec)
            try coder?.engine.begin(level: 0, size: nil)
        } catch {
            throw CompressionFailure("\(codec): \(error.reason)", at: 0)
        }
    }

    deinit { if let coder { CoderPool.decoders.give(coder, codec) } }

    /// Compressed bytes taken so far.
    public var taken: UInt64 { gauge.taken }

    /// Bytes handed over so far.
    public var given: UInt64 { gauge.given }

    /// Takes the next compressed bytes, and hands over what they give, which may be nothing.
    ///
    /// - Parameters:
    ///   - input: the next compressed bytes; not kept.
    ///   - sink: takes decompressed bytes, which are valid during its call only.
    /// - Throws: `CompressionFailure`, or what the sink throws; the stream is then of no use any more.
    public func write(
        _ input: UnsafeRawBufferPointer, to sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var rest = input
        while let output = try step(&rest) {
            try begin()
            try sink(output)
            isUsable = true
        }
    }

    /// Takes compressed bytes until there is something to hand over, so that whoever calls it sets the pace.
    ///
    /// - Parameter rest: the next compressed bytes; what was taken is cut off from its front.
    /// - Returns: at most 128 KiB of decompressed bytes, valid until the next call, or nil when `rest` is used up.
    /// - Throws: `CompressionFailure`; the stream is then of no use any more.
    public func step(_ rest: inout UnsafeRawBufferPointer) throws(CompressionFailure) -> UnsafeRawBufferPointer? {
        try begin()
        guard let coder else {
            let output = rest
            take(rest.count, of: &rest)
            try gauge.give(output.count)
            isUsable = true
            return output.isEmpty ? nil : output
        }
        while !rest.isEmpty || isFull {
            switch place {
            case .head: try readHead(&rest, coder)
            case .frame:
                let given = try readFrame(&rest, coder)
                guard given > 0 else { continue }
                isUsable = true
                return coder.given(given)
            case .skipping(let left):
                let count = Int(min(left, UInt64(rest.count)))
                take(count, of: &rest)
                place = left == UInt64(count) ? .head : .skipping(left - UInt64(count))
            }
        }
        isUsable = true
        return nil
    }

    /// Ends the stream; nothing can be written to it any more.
    ///
    /// - Parameter sink: takes the last bytes, which are valid during its call only. Everything is handed over as soon as
    ///   it can be, so that none come from here; it is there for symmetry with the compressor.
    /// - Throws: `CompressionFailure` when the stream is cut off or empty.
    public func finish(to sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        try begin()
        guard coder != nil else { return }
        guard case .head = place, head.count == 0 else { throw failure("the stream is cut off within a \(unit)") }
        guard frames > 0 else { throw failure("the stream is empty, without a \(unit)") }
    }

    private func begin() throws(CompressionFailure) {
        guard isUsable else { throw failure("the stream has ended or failed") }
        isUsable = false
    }

    private func readHead(_ rest: inout UnsafeRawBufferPointer, _ coder: Coder) throws(CompressionFailure) {
        while let byte = rest.first {
            head.append(byte)
            switch head.kind(codec) {
            case .partial: take(1, of: &rest)
            case .wrong:
                let start = gauge.taken - UInt64(head.count - 1)
                let what = frames == 0 ? "the stream does not begin with a \(unit)" : "garbage behind the last \(unit)"
                throw CompressionFailure("\(codec): \(what)", at: start)
            case .skippable(let count):
                take(1, of: &rest)
                skipped += count + 8
                guard skipped <= gauge.limits.maxSkipped else {
                    let limit = gauge.limits.maxSkipped
                    throw failure("skippable frames of more than \(limit) bytes altogether", limit: limit)
                }
                frames += 1
                head = FrameHead()
                place = count == 0 ? .head : .skipping(count)
                return
            case .frame:
                take(1, of: &rest)
                let first = head
                head = FrameHead()
                // Counted when they came. No head gives anything out.
                gauge.taken -= UInt64(first.count)
                place = .frame
                _ = try first.withBytes { bytes throws(CompressionFailure) in
                    var bytes = bytes
                    while !bytes.isEmpty { _ = try readFrame(&bytes, coder) }
                }
                return
            }
        }
    }

    /// Takes some of a frame; how many bytes it gave.
    private func readFrame(_ rest: inout UnsafeRawBufferPointer, _ coder: Coder) throws(CompressionFailure) -> Int {
        let step: EngineStep
        do throws(EngineFailure) {
            step = try coder.engine.step(rest, to: coder.output, ending: false)
        } catch {
            throw failure(error.reason)
        }
        guard step.taken > 0 || step.given > 0 || step.isDone || isFull else {
            throw failure("the \(unit) does not go on")
        }
        take(step.taken, of: &rest)
        if step.given > 0 { try gauge.give(step.given) }
        isFull = step.given == coder.output.count && !step.isDone
        if step.isDone {
            frames += 1
            place = .head
        }
        return step.given
    }

    private func take(_ count: Int, of rest: inout UnsafeRawBufferPointer) {
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        gauge.taken += UInt64(count)
    }

    private func failure(_ reason: String, limit: UInt64? = nil) -> CompressionFailure {
        CompressionFailure("\(codec): \(reason)", at: gauge.taken, limit: limit)
    }

    private var unit: String { codec == .gzip ? "gzip member" : "\(codec) frame" }
}
