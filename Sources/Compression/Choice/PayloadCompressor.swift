/// Compresses one payload as a policy says, while it streams.
///
/// The first 256 KiB are held back, so that a small payload needs a codec's context only for the moment in which it
/// ends. Under `best` the ways are tried on them (`CompressionChoice.best`), and the whole payload goes the way that won.
/// Where arrays lie is told by `note`, so that they can be filtered.
///
/// Thread: one at a time.
public final class PayloadCompressor {
    /// Bytes that are looked at before a way is chosen.
    private static let sampleSize = 256 << 10
    /// Arrays that are looked at; a model's first ones tell enough.
    private static let mostSamples = 64

    /// Bytes of input for which nothing may have been handed over yet, at most.
    ///
    /// A codec holds back up to a block of its own, of less than 256 KiB.
    public static func heldBack(_ policy: CompressionPolicy) -> Int {
        sampleSize + (256 << 10) + (policy == .best ? PlaneBlock.most : 0)
    }

    /// Bytes that a compressor holds while a payload of so many comes.
    ///
    /// Up to 256 KiB that is the payload. Beyond: the start, the codec's context, and where it may be filtered a second
    /// one, a block and its frame.
    public static func memory(_ policy: CompressionPolicy, payload: Int) -> Int {
        guard payload > sampleSize, !policy.isNone else { return policy.isNone ? 0 : payload }
        switch policy {
        case .fixed(let codec, let level):
            return sampleSize + StreamCompressor.memory(codec, level: level ?? codec.defaultLevel)
        case .best:
            let context = StreamCompressor.memory(.zstd, level: Codec.zstd.defaultLevel)
            return sampleSize + 2 * context + PlaneBlock.most + PlaneKernels.blockItems
        }
    }

    /// Bytes that a payload of so many takes at most, or nil when that does not fit an `Int`.
    ///
    /// A streaming writer does not announce the size: its frame head and each block's head add to what cannot be shrunk.
    /// A filtered stream has two frames more for each plane of 4 KiB or more, with heads of 24 bytes together.
    public static func bound(_ count: Int) -> Int? {
        let (bound, overflow) = count.addingReportingOverflow(count / 128 + 2048)
        return overflow ? nil : bound
    }

    /// What the payload holds; has to be known when 256 KiB of it were written.
    private var content = CompressionChoice.Content.bytes
    /// The way that was chosen; nil while the start is held back, where there is a choice.
    public private(set) var choice: CompressionChoice?

    private var compressor: FilteredCompressor?
    private var start: [UInt8] = []
    /// Arrays that were noted and not yet reached, ascending.
    private var extents: [PlaneExtent] = []
    private var nextExtent = 0
    /// Bytes that went into the compressor.
    private var position: UInt64 = 0

    /// A compressor for one payload.
    ///
    /// - Parameter policy: how to compress.
    public init(_ policy: CompressionPolicy) {
        guard case .fixed(let codec, let level) = policy else { return }
        choice = CompressionChoice(
            filter: .none, codec: codec, level: level ?? codec.defaultLevel, estimatedRatio: 1)
    }

    private func note(_ extent: PlaneExtent) {
        guard extent.count > 0, choice?.filter != StreamFilter.none else { return }
        extents.append(extent)
    }

    /// Says what the payload holds, and where arrays lie that come next.
    ///
    /// - Parameters:
    ///   - content: of the whole payload.
    ///   - extents: behind all those that were noted before, and not yet written.
    public func note(_ content: CompressionChoice.Content, _ extents: [PlaneExtent]) {
        self.content = content
        for extent in extents { note(extent) }
    }

    /// Takes the next bytes, and hands over what is ready, which may be nothing.
    ///
    /// - Parameters:
    ///   - input: the next bytes; not kept.
    ///   - sink: takes compressed bytes, which are valid during its call only.
    /// - Throws: `CompressionFailure`, or what the sink throws; the stream is then of no use any more.
    public func write(_ input: UnsafeRawBufferPointer, to sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        if let compressor { return try feed(input, compressor, sink) }
        let missing = min(Self.sampleSize - start.count, input.count)
        start += input[..<missing]
        guard start.count == Self.sampleSize else { return }
        let compressor = try decide()
        try replay(compressor, sink)
        try feed(UnsafeRawBufferPointer(rebasing: input[missing...]), compressor, sink)
    }

    /// Ends the payload; nothing can be written any more.
    ///
    /// - Parameter sink: takes the last compressed bytes, which are valid during its call only.
    /// - Throws: `CompressionFailure`, or what the sink throws.
    public func finish(to sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        let compressor = try self.compressor ?? decide()
        try replay(compressor, sink)
        try compressor.finish(to: sink)
    }

    private func decide() throws -> FilteredCompressor {
        let chosen =
            try choice
            ?? start.withUnsafeBytes { bytes in
                try CompressionChoice.best(for: content, samples: samples(of: bytes), codecs: [.lz4, .zstd])
            }
        if chosen.filter == .none { extents = [] }
        choice = chosen
        let made = try FilteredCompressor(chosen)
        compressor = made
        return made
    }

    /// What was held back.
    private func replay(_ compressor: FilteredCompressor, _ sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        guard !start.isEmpty else { return }
        try start.withUnsafeBytes { try feed($0, compressor, sink) }
        start = []
    }

    private func samples(of bytes: UnsafeRawBufferPointer) -> [CompressionChoice.Sample] {
        var samples: [CompressionChoice.Sample] = []
        for extent in extents.prefix(Self.mostSamples) where extent.offset < UInt64(bytes.count) {
            let first = Int(extent.offset)
            let size = extent.kind.itemSize
            let count = min(UInt64((bytes.count - first) / size), extent.count)
            guard count > 0 else { continue }
            let part = bytes[first..<first + Int(count) * size]
            samples.append(CompressionChoice.Sample(UnsafeRawBufferPointer(rebasing: part), kind: extent.kind))
        }
        // Without an array of note: whatever is there.
        return samples.isEmpty ? [CompressionChoice.Sample(bytes)] : samples
    }

    private func feed(
        _ bytes: UnsafeRawBufferPointer, _ compressor: FilteredCompressor,
        _ sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var rest = bytes
        while nextExtent < extents.count, extents[nextExtent].offset < position + UInt64(rest.count) {
            let extent = extents[nextExtent]
            guard extent.offset >= position else {
                throw CompressionFailure("an array was noted behind its start", at: position)
            }
            let before = Int(extent.offset - position)
            try compressor.write(UnsafeRawBufferPointer(rebasing: rest[..<before]), to: sink)
            try compressor.begin(extent.count, of: extent.kind)
            position += UInt64(before)
            rest = UnsafeRawBufferPointer(rebasing: rest[before...])
            nextExtent += 1
        }
        if nextExtent == extents.count {
            extents.removeAll(keepingCapacity: true)
            nextExtent = 0
        }
        try compressor.write(rest, to: sink)
        position += UInt64(rest.count)
    }
}
