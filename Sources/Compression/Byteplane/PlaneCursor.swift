/// Tells what comes next in a stream: bytes of other things, or a block of an array.
struct PlaneCursor {
    /// What comes next.
    enum Run {
        /// So many bytes of other things, at most.
        case passed(Int)
        /// A block of so many elements.
        case block(count: Int, kind: ItemKind)
    }

    /// Bytes of the stream that were taken.
    private(set) var position: UInt64 = 0
    private var coming: [PlaneExtent]
    private var next = 0
    private var kind = ItemKind.bytes
    /// Elements of the array that no block was begun for yet.
    private var left: UInt64 = 0
    private var blockLeft = 0

    /// - Parameter extents: the arrays' places, ascending.
    init(_ extents: [PlaneExtent]) throws(CompressionFailure) {
        var end: UInt64 = 0
        for (index, extent) in extents.enumerated() {
            let (size, isLarge) = extent.count.multipliedReportingOverflow(by: UInt64(extent.kind.itemSize))
            let (after, isFar) = extent.offset.addingReportingOverflow(size)
            guard !isLarge, !isFar else {
                throw CompressionFailure("byteplane: extent \(index) ends beyond 2^64 bytes", at: extent.offset)
            }
            guard extent.offset >= end else {
                let place = "begins at byte \(extent.offset), before byte \(end), where the one before it ends"
                throw CompressionFailure("byteplane: extent \(index) \(place)", at: extent.offset)
            }
            end = after
        }
        // Those of single bytes, and those without any, are like all other bytes.
        coming = extents.filter { $0.kind.itemSize > 1 && $0.count > 0 }
    }

    /// Whether an array has begun and not ended.
    var isWithinArray: Bool { left > 0 || blockLeft > 0 }

    /// The next bytes are an array's.
    mutating func begin(_ count: UInt64, _ kind: ItemKind) throws(CompressionFailure) {
        guard !isWithinArray else {
            throw CompressionFailure("byteplane: an array begins within another one", at: position)
        }
        let (size, isLarge) = count.multipliedReportingOverflow(by: UInt64(kind.itemSize))
        let (end, isFar) = position.addingReportingOverflow(size)
        guard !isLarge, !isFar else {
            throw CompressionFailure("byteplane: an array of \(count) elements ends beyond 2^64 bytes", at: position)
        }
        guard next == coming.count || coming[next].offset >= end else {
            throw CompressionFailure("byteplane: an array reaches into an extent given before", at: position)
        }
        guard kind.itemSize > 1 else { return }
        (left, self.kind) = (count, kind)
    }

    /// What comes, when the last block is whole.
    mutating func run() -> Run {
        if left == 0, next < coming.count {
            let extent = coming[next]
            guard extent.offset == position else {
                return .passed(Int(clamping: extent.offset - position))
            }
            (left, kind) = (extent.count, extent.kind)
            next += 1
        }
        guard left > 0 else { return .passed(.max) }
        let count = Int(min(left, UInt64(PlaneKernels.blockItems)))
        left -= UInt64(count)
        blockLeft = count * kind.itemSize
        return .block(count: count, kind: kind)
    }

    /// Counts bytes of the stream, of a block or others.
    mutating func advance(_ count: Int) {
        position += UInt64(count)
        blockLeft = max(0, blockLeft - count)
    }

    /// The stream ends here.
    func finish() throws(CompressionFailure) {
        guard !isWithinArray else {
            let missing = left * UInt64(kind.itemSize) + UInt64(blockLeft)
            throw CompressionFailure("byteplane: the stream ends \(missing) bytes before its array does", at: position)
        }
        guard next == coming.count else {
            let offset = coming[next].offset
            throw CompressionFailure(
                "byteplane: the stream ends before its array at byte \(offset) begins", at: position)
        }
    }
}
