/// Compresses what a `PlaneFilter` hands over into zstd frames (protocol.md, section 3).
///
/// A plane gets a frame of its own, in which noise is stored without a try. Planes of less than 4 KiB, whose frames'
/// heads would cost too much, share a frame with the bytes around them, as do all bytes that the filter passed. Any zstd
/// reader reads the frames as one stream.
///
/// Memory: two contexts of 3.7 MiB at level 3, and 512 KiB.
///
/// Thread: one at a time.
public final class PlaneCompressor {
    /// Smaller planes have no frame of their own.
    static let smallestPlane = 4096

    private let level: Int
    private let coder: PlaneCoder
    private var loose: LooseBytes
    private var methods = PlaneMethods()
    private var taken: UInt64 = 0
    private var isUsable = true
    private var hasFrame = false

    /// A compressor for one stream.
    ///
    /// - Parameter level: one of zstd's, for the bytes that are no planes and for planes with repeats.
    /// - Throws: `CompressionFailure` for a level that zstd does not have, or when memory is short.
    public init(level: Int = Codec.zstd.defaultLevel) throws(CompressionFailure) {
        guard Codec.zstd.levels.contains(level) else {
            let admitted = "\(Codec.zstd.levels.lowerBound) to \(Codec.zstd.levels.upperBound)"
            throw CompressionFailure("zstd: level \(level) is not one of \(admitted)", at: 0)
        }
        self.level = level
        loose = LooseBytes(level: level)
        do throws(EngineFailure) { coder = try PlaneCoder(level: level) } catch {
            throw CompressionFailure("zstd: \(error.reason)", at: 0)
        }
    }

    /// Takes the next piece, and hands over what is ready, which may be nothing.
    ///
    /// - Parameters:
    ///   - piece: the next bytes; not kept.
    ///   - sink: takes compressed bytes, which are valid during its call only.
    /// - Throws: `CompressionFailure`, or what the sink throws; the stream is then of no use any more.
    public func write(_ piece: PlanePiece, to sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        try begin()
        if case .plane(let plane, let index, let kind) = piece, plane.count >= Self.smallestPlane {
            try loose.end(coder, to: sink)
            try write(plane, index, kind, to: sink)
            hasFrame = true
        } else if !piece.bytes.isEmpty {
            if case .passed = piece { methods.nextArray() }
            try loose.write(piece.bytes, to: sink)
            hasFrame = true
        }
        taken += UInt64(piece.bytes.count)
        isUsable = true
    }

    /// Ends the stream; nothing can be written to it any more.
    ///
    /// - Parameter sink: takes the last compressed bytes, which are valid during its call only.
    /// - Throws: `CompressionFailure`, or what the sink throws.
    public func finish(to sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        try begin()
        try loose.end(coder, to: sink)
        // A stream without a frame is none.
        if !hasFrame { try StoredFrame.write(UnsafeRawBufferPointer(start: nil, count: 0), to: sink) }
    }

    private func begin() throws(CompressionFailure) {
        guard isUsable else { throw CompressionFailure("zstd: the stream has ended or failed", at: taken) }
        isUsable = false
    }

    private func write(
        _ plane: UnsafeRawBufferPointer, _ index: Int, _ kind: ItemKind,
        to sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let frame: UnsafeRawBufferPointer?
        do throws(EngineFailure) {
            if let method = try methods.method(plane, index, kind, coder) {
                // What saves less than a hundredth is not worth its reader's time.
                frame = try coder.frame(plane, below: plane.count - plane.count / 100, method)
            } else {
                frame = nil
            }
        } catch {
            throw CompressionFailure("zstd: \(error.reason)", at: taken)
        }
        if let frame { try sink(frame) } else { try StoredFrame.write(plane, to: sink) }
    }
}
