/// Undoes the filter `byteplane` on a stream that comes in pieces (protocol.md, section 3).
///
/// A filtered FEDWT001 stream has the same heads at the same places as the plain one, so its reader can tell by
/// `begin`, from the filtered bytes, where an array begins; a reader that knows all places gives them as extents.
///
/// Memory: one block, so 512 KiB for elements of two bytes, 2 MiB for those of eight, and 64 KiB of output. A block
/// that comes in one piece is not copied.
///
/// Thread: one at a time.
public final class PlaneUnfilter {
    private var cursor: PlaneCursor
    private var block: PlaneBlock
    private let output = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 64)
    private var isUsable = true

    /// An inverse filter for one stream.
    ///
    /// - Parameter extents: places of arrays, ascending and apart; those of single bytes may be there or not.
    /// - Throws: `CompressionFailure` for extents that overlap, are out of order or end beyond 2^64.
    public init(extents: [PlaneExtent] = []) throws(CompressionFailure) {
        cursor = try PlaneCursor(extents)
        block = PlaneBlock()
    }

    deinit { output.deallocate() }

    /// Bytes taken so far.
    public var taken: UInt64 { cursor.position }

    /// Says that the next bytes are an array's planes.
    ///
    /// - Parameters:
    ///   - count: elements; with 0 nothing happens.
    ///   - kind: what they are.
    /// - Throws: `CompressionFailure` within another array.
    public func begin(_ count: UInt64, of kind: ItemKind) throws(CompressionFailure) {
        guard isUsable else { throw CompressionFailure("byteplane: the stream has ended or failed", at: taken) }
        try cursor.begin(count, kind)
    }

    /// Takes the next bytes, and hands over what is ready, which may be nothing.
    ///
    /// - Parameters:
    ///   - input: the next bytes; not kept.
    ///   - sink: takes bytes of the plain stream, whole elements of arrays, valid during its call only.
    /// - Throws: what the sink throws; the stream is then of no use any more.
    public func write(
        _ input: UnsafeRawBufferPointer, to sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        guard isUsable else { throw CompressionFailure("byteplane: the stream has ended or failed", at: taken) }
        isUsable = false
        var rest = input
        while !rest.isEmpty {
            let count: Int
            if !block.isWhole {
                count = block.gather(rest)
                cursor.advance(count)
                if block.isWhole { try handOver(UnsafeRawBufferPointer(block.memory), to: sink) }
            } else {
                switch cursor.run() {
                case .block(let items, let kind) where rest.count >= items * kind.itemSize:
                    block.pass(items, kind)
                    count = items * kind.itemSize
                    cursor.advance(count)
                    try handOver(rest, to: sink)
                case .block(let items, let kind):
                    block.begin(items, kind)
                    continue
                case .passed(let most):
                    count = min(most, rest.count)
                    cursor.advance(count)
                    try sink(UnsafeRawBufferPointer(rebasing: rest[..<count]))
                }
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
        isUsable = true
    }

    /// Ends the stream; nothing is left to hand over.
    ///
    /// - Throws: `CompressionFailure` when an array is not whole, or an extent was not reached.
    public func finish() throws(CompressionFailure) {
        guard isUsable else { throw CompressionFailure("byteplane: the stream has ended or failed", at: taken) }
        isUsable = false
        try cursor.finish()
    }

    private func handOver(
        _ planes: UnsafeRawBufferPointer, to sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        guard let planes = planes.baseAddress, let items = output.baseAddress else { return }
        let size = block.kind.itemSize
        var start = 0
        while start < block.count {
            let count = min(output.count / size, block.count - start)
            PlaneKernels.join(planes + start, stride: block.count, into: items, count: count, kind: block.kind)
            try sink(UnsafeRawBufferPointer(rebasing: output[..<(count * size)]))
            start += count
        }
    }
}
