extension UnsafeRawBufferPointer {
    /// Calls back with the bytes piece by piece, in order.
    ///
    /// - Parameters:
    ///   - size: bytes of a piece, at least one; the last one may be shorter.
    ///   - body: takes a piece.
    public func forEachPiece(of size: Int, _ body: (UnsafeRawBufferPointer) throws -> Void) rethrows {
        for start in stride(from: 0, to: count, by: size) {
            try body(UnsafeRawBufferPointer(rebasing: self[start..<Swift.min(start + size, count)]))
        }
    }
}
