/// Writes a zstd frame of raw blocks, which costs its reader and its writer no more than a copy (RFC 8878, section 3.1.1).
enum StoredFrame {
    /// The most that a block may hold.
    private static let largestBlock = 128 << 10

    /// Hands over the frame, the content in place.
    ///
    /// - Parameters:
    ///   - content: under 4 GiB.
    ///   - sink: takes its pieces.
    static func write(_ content: UnsafeRawBufferPointer, to sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        // Magic number; a descriptor that says: one segment, whose size is told in four bytes; that size.
        let size = UInt32(truncatingIfNeeded: content.count)
        try withUnsafeBytes(of: (UInt64(0xa0_fd2f_b528) | UInt64(size) << 40).littleEndian) { try sink($0) }
        var start = 0
        repeat {
            let count = min(largestBlock, content.count - start)
            let isLast = start + count == content.count
            let blockHead = UInt32(count) << 3 | (isLast ? 1 : 0)
            // The ninth byte of the frame's head goes with the first block's.
            if start == 0 {
                let head = UInt64(blockHead) << 8 | UInt64(size >> 24)
                try withUnsafeBytes(of: head.littleEndian) { try sink(UnsafeRawBufferPointer(rebasing: $0[..<4])) }
            } else {
                try withUnsafeBytes(of: blockHead.littleEndian) { try sink(UnsafeRawBufferPointer(rebasing: $0[..<3])) }
            }
            if count > 0 { try sink(UnsafeRawBufferPointer(rebasing: content[start..<start + count])) }
            start += count
        } while start < content.count
    }
}
