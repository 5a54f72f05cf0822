/// A block that fills as its bytes come.
///
/// `~Copyable` because it owns its memory, which grows to the largest block that it had to hold.
struct PlaneBlock: ~Copyable {
    /// Bytes of the largest.
    static let most = PlaneKernels.blockItems * 8

    /// Elements of the block.
    private(set) var count = 0
    /// What they are.
    private(set) var kind = ItemKind.bytes
    /// The block's planes, one after the other without gaps.
    private(set) var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    /// Bytes that came.
    private var taken = 0
    /// The first bytes of an element that a piece of the stream ended in.
    private var split: UInt64 = 0

    deinit { memory.deallocate() }

    /// Whether all its bytes came.
    var isWhole: Bool { taken == count * kind.itemSize }

    /// Begins a block.
    mutating func begin(_ count: Int, _ kind: ItemKind) {
        (self.count, self.kind, taken) = (count, kind, 0)
        guard memory.count < count * kind.itemSize else { return }
        memory.deallocate()
        memory = .allocate(byteCount: count * kind.itemSize, alignment: 64)
    }

    /// Notes a block that is whole elsewhere.
    mutating func pass(_ count: Int, _ kind: ItemKind) {
        (self.count, self.kind, taken) = (count, kind, count * kind.itemSize)
    }

    /// Takes bytes of planes, and says how many.
    mutating func gather(_ input: UnsafeRawBufferPointer) -> Int {
        let part = min(input.count, count * kind.itemSize - taken)
        guard part > 0, let source = input.baseAddress, let target = memory.baseAddress else { return 0 }
        (target + taken).copyMemory(from: source, byteCount: part)
        taken += part
        return part
    }

    /// Takes bytes of elements, puts them into their planes, and says how many.
    mutating func split(_ input: UnsafeRawBufferPointer) -> Int {
        let size = kind.itemSize
        let part = min(input.count, count * size - taken)
        guard let source = input.baseAddress, let target = memory.baseAddress else { return 0 }
        var done = 0
        while done < part, taken % size != 0 || part - done < size {
            splitByte(input[done], into: target)
            done += 1
        }
        let items = (part - done) / size
        PlaneKernels.split(source + done, into: target + taken / size, stride: count, count: items, kind: kind)
        done += items * size
        taken += items * size
        while done < part {
            splitByte(input[done], into: target)
            done += 1
        }
        return part
    }

    /// Takes one byte of an element, whose bits wait until it is whole.
    private mutating func splitByte(_ byte: UInt8, into target: UnsafeMutableRawPointer) {
        let size = kind.itemSize
        split |= UInt64(byte) << UInt64(8 * (taken % size))
        taken += 1
        guard taken % size == 0 else { return }
        withUnsafeBytes(of: split.littleEndian) { bytes in
            guard let source = bytes.baseAddress else { return }
            PlaneKernels.split(source, into: target + (taken / size - 1), stride: count, count: 1, kind: kind)
        }
        split = 0
    }
}
