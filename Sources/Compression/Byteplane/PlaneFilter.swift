/// Applies the filter `byteplane` to a stream that comes in pieces (protocol.md, section 3).
///
/// Where arrays lie is given up front as extents, or told as the stream goes on by `begin`, or both. All other bytes
/// pass unchanged, and the stream's length stays the same.
///
/// Memory: one block, so 512 KiB for elements of two bytes, 2 MiB for those of eight.
///
/// Thread: one at a time.
public final class PlaneFilter {
    private var cursor: PlaneCursor
    private var block: PlaneBlock
    private var isUsable = true

    /// A filter for one stream.
    ///
    /// - Parameter extents: places of arrays, ascending and apart; those of single bytes may be there or not.
    /// - Throws: `CompressionFailure` for extents that overlap, are out of order or end beyond 2^64.
    public init(extents: [PlaneExtent] = []) throws(CompressionFailure) {
        cursor = try PlaneCursor(extents)
        block = PlaneBlock()
    }

    /// Bytes taken so far.
    public var taken: UInt64 { cursor.position }

    /// Says that the next bytes are an array's elements.
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
    ///   - sink: takes pieces of the filtered stream, which are valid during its call only.
    /// - Throws: what the sink throws; the stream is then of no use any more.
    public func write(_ input: UnsafeRawBufferPointer, to sink: (PlanePiece) throws -> Void) throws {
        guard isUsable else { throw CompressionFailure("byteplane: the stream has ended or failed", at: taken) }
        isUsable = false
        var rest = input
        while !rest.isEmpty {
            guard block.isWhole else {
                let count = block.split(rest)
                cursor.advance(count)
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
                if block.isWhole { try handOver(to: sink) }
                continue
            }
            switch cursor.run() {
            case .block(let count, let kind): block.begin(count, kind)
            case .passed(let most):
                let count = min(most, rest.count)
                cursor.advance(count)
                try sink(.passed(UnsafeRawBufferPointer(rebasing: rest[..<count])))
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
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

    private func handOver(to sink: (PlanePiece) throws -> Void) throws {
        for index in 0..<block.kind.itemSize {
            let start = index * block.count
            let bytes = UnsafeRawBufferPointer(rebasing: block.memory[start..<start + block.count])
            try sink(.plane(bytes, index: index, kind: block.kind))
        }
    }
}
