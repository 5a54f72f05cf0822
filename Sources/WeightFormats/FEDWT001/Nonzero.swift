/// The elements of a dense array that have a bit set: −0.0 and NaN are among them.
struct Nonzero {
    let bytes: UnsafeRawBufferPointer
    let itemSize: Int

    /// How many there are.
    var count: Int {
        var found = 0
        forEach { _ in found += 1 }
        return found
    }

    /// How many there are, or nil when there are more than `most`; a dense array is told after a part of it.
    func count(upTo most: Int) -> Int? {
        struct Enough: Error {}
        var found = 0
        do {
            try forEach { _ in
                found += 1
                if found > most { throw Enough() }
            }
        } catch { return nil }
        return found
    }

    /// Calls `body` with the index of each, ascending.
    ///
    /// Eight bytes are looked at together, since this is called for arrays that are mostly zero.
    @inline(__always)
    func forEach(_ body: (Int) throws -> Void) rethrows {
        let words = bytes.count / 8 * 8
        var offset = 0
        while offset < words {
            if bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self) != 0 {
                try visit(offset..<offset + 8, body)
            }
            offset += 8
        }
        try visit(words..<bytes.count, body)
    }

    @inline(__always)
    private func visit(_ range: Range<Int>, _ body: (Int) throws -> Void) rethrows {
        var offset = range.lowerBound
        while offset < range.upperBound {
            var any: UInt8 = 0
            for byte in offset..<offset + itemSize { any |= bytes[byte] }
            if any != 0 { try body(offset / itemSize) }
            offset += itemSize
        }
    }
}
