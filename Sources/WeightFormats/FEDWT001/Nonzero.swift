/// The elements of a dense array that have a bit set: −0.0 and NaN are among them.
struct Nonzero {
    let bytes: UnsafeRawBufferPointer
    let itemSize: Int
    /// Bytes after which a count sees whether it is too many.
    private static let block = 32 << 10

    /// How many there are.
    var count: Int {
        var found = 0
        forEach { _ in found += 1 }
        return found
    }

    /// How many there are, or nil when there are more than `most`; a dense array is told after a part of it.
    func count(upTo most: Int) -> Int? {
        switch itemSize {
        case 1: count(upTo: most, UInt8.self)
        case 2: count(upTo: most, UInt16.self)
        case 4: count(upTo: most, UInt32.self)
        default: count(upTo: most, UInt64.self)
        }
    }

    /// Without a branch for each element, so that the compiler looks at several in one step.
    @inline(__always)
    private func count<Bits: FixedWidthInteger>(upTo most: Int, _: Bits.Type) -> Int? {
        let size = MemoryLayout<Bits>.size
        var found = 0
        for start in stride(from: 0, to: bytes.count, by: Self.block) {
            for offset in stride(from: start, to: min(start + Self.block, bytes.count), by: size) {
                found += bytes.loadUnaligned(fromByteOffset: offset, as: Bits.self) == 0 ? 0 : 1
            }
            if found > most { return nil }
        }
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
