/// Decompresses a stream that comes in pieces.
///
/// Several gzip members or frames in a row are one stream; skippable zstd and LZ4 frames are passed over. Refused are: a
/// stream without any member or frame, one that is cut off, anything else behind a frame, a zstd window over 128 MiB,
/// a zstd frame that needs a dictionary, and whatever grows beyond the limits, of which at most one output buffer has
/// been made by then and handed to nobody. Contexts are pooled.
///
/// Memory, whatever the stream's length: 128 KiB of output, and the context: gzip 40 KiB, LZ4 at most 8.2 MiB, zstd 160
/// KiB and the frame's window (2 MiB as level 3 writes it, 128 MiB at most). `none` needs none. What may not take so
/// much is given a smaller `memory` and asked what it wants.
///
/// Thread: one at a time.
public final class StreamDecompressor {
    private enum Place {
        case head
        /// For memory, behind a frame's head.
        case waiting
        case frame
        case skipping(UInt64)
    }

    /// How the stream is compressed.
    public let codec: Codec
    /// Bytes that it may take.
    private var granted: Int
    /// Bytes that the next frame needs beyond those granted; `step` then gives nothing until they are.
    public private(set) var wanted: Int?
    private var coder: Coder?
    /// Bytes that a frame needed at most.
    private var largest = 0
    private var gauge: ExpansionGauge
    private var place = Place.head
    private var head = FrameHead()
    private var frames: UInt64 = 0
    /// What the frame said that it becomes, and how much it did: the library does not always compare them.
    private var announced: UInt64?
    private var frameGiven: UInt64 = 0
    private var skipped: UInt64 = 0
    private var isUsable = true
    /// The last output filled its room, so that there may be more without further input.
    private var isFull = false

    /// A decompressor for one stream.
    ///
    /// - Parameters:
    ///   - codec: how the stream is compressed.
    ///   - limits: how much it may become.
    ///   - memory: bytes that it may take before it asks for more (`wanted`, `grant`).
    public init(_ codec: Codec, limits: ExpansionLimits, memory: Int = .max) {
        self.codec = codec
        granted = memory
        gauge = ExpansionGauge(limits, name: codec.rawValue)
    }

    deinit { if let coder { CoderPool.decoders.give(coder, codec, memory: largest) } }

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

    /// Lets the stream take more memory.
    ///
    /// - Parameter bytes: what was `wanted`.
    public func grant(_ bytes: Int) {
        granted += bytes
        wanted = nil
    }

    /// Takes compressed bytes until there is something to hand over, so that whoever calls it sets the pace.
    ///
    /// - Parameter rest: the next compressed bytes; what was taken is cut off from its front.
    /// - Returns: at most 128 KiB of decompressed bytes, valid until the next call, or nil when `rest` is used up or
    ///   memory is `wanted`.
    /// - Throws: `CompressionFailure`; the stream is then of no use any more.
    public func step(_ rest: inout UnsafeRawBufferPointer) throws(CompressionFailure) -> UnsafeRawBufferPointer? {
        try begin()
        guard codec != .none else {
            let output = rest
            take(rest.count, of: &rest)
            try gauge.give(output.count)
            isUsable = true
            return output.isEmpty ? nil : output
        }
        if case .waiting = place { try beginFrame() }
        while wanted == nil, !rest.isEmpty || isFull {
            switch place {
            case .head: try readHead(&rest)
            case .waiting: try beginFrame()
            case .frame:
                let given = try readFrame(&rest)
                guard given > 0, let coder else { continue }
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
        guard codec != .none else { return }
        guard case .head = place, head.count == 0 else { throw failure("the stream is cut off within a \(unit)") }
        guard frames > 0 else { throw failure("the stream is empty, without a \(unit)") }
    }

    private func begin() throws(CompressionFailure) {
        guard isUsable else { throw failure("the stream has ended or failed") }
        isUsable = false
    }

    private func readHead(_ rest: inout UnsafeRawBufferPointer) throws(CompressionFailure) {
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
                place = .waiting
                return
            }
        }
    }

    /// Gives a frame's head to the library, when there is memory for what it asks for.
    private func beginFrame() throws(CompressionFailure) {
        let needed = head.memory(codec)
        guard needed <= granted else {
            wanted = needed - granted
            return
        }
        largest = max(largest, needed)
        if coder == nil {
            do throws(EngineFailure) {
                coder = try Coder.decoder(codec, upTo: needed)
                try coder?.engine.begin(level: 0, size: nil)
            } catch { throw failure(error.reason, limit: error.limit) }
        }
        let first = head
        head = FrameHead()
        announced = codec == .zstd ? first.contentSize : nil
        frameGiven = 0
        // Counted when they came. No head gives anything out.
        gauge.taken -= UInt64(first.count)
        place = .frame
        let taken = first.bytes.withUnsafeBytes { bytes in
            Result { () throws(CompressionFailure) in
                var bytes = bytes
                while !bytes.isEmpty { _ = try readFrame(&bytes) }
            }
        }
        try taken.get()
    }

    /// Takes some of a frame; how many bytes it gave.
    private func readFrame(_ rest: inout UnsafeRawBufferPointer) throws(CompressionFailure) -> Int {
        guard let coder else { return 0 }
        let step: EngineStep
        do throws(EngineFailure) {
            step = try coder.engine.step(rest, to: coder.output, ending: false)
        } catch {
            throw failure(error.reason, limit: error.limit)
        }
        guard step.taken > 0 || step.given > 0 || step.isDone || isFull else {
            throw failure("the \(unit) does not go on")
        }
        take(step.taken, of: &rest)
        if step.given > 0 { try gauge.give(step.given) }
        isFull = step.given == coder.output.count && !step.isDone
        frameGiven += UInt64(step.given)
        if step.isDone {
            if let announced, announced != frameGiven {
                throw failure("the frame says that it becomes \(announced) bytes, and becomes \(frameGiven)")
            }
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
