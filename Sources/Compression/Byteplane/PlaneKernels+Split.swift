/// The byte permutation of one block, from elements to planes and back.
///
/// Planes lie `stride` bytes apart, the top bytes' plane first, so that a part of a block can be done at a time. Plain
/// loops over raw pointers: the compiler makes vector instructions of them, and Swift's own SIMD types were no faster
/// (their halves 50 times slower). They run at 10 GB/s and more from the cache. Nothing needs to be aligned.
enum PlaneKernels {
    /// Elements of a block (protocol.md, section 3).
    static let blockItems = 262_144
    /// Elements whose bytes lie in the first cache level while each plane in turn takes its share.
    private static let tile = 1024

    /// Cuts elements into planes.
    ///
    /// - Parameters:
    ///   - items: the elements.
    ///   - planes: where the first element's top byte goes.
    ///   - stride: bytes from a plane to the next.
    ///   - count: elements.
    ///   - kind: what they are; not `bytes`.
    static func split(
        _ items: UnsafeRawPointer, into planes: UnsafeMutableRawPointer, stride: Int, count: Int, kind: ItemKind
    ) {
        var start = 0
        while start < count {
            let items = items + start * kind.itemSize
            let planes = planes + start
            let part = min(tile, count - start)
            switch kind {
            case .bytes: planes.copyMemory(from: items, byteCount: part)
            case .integers16: split(items, into: planes, stride, part, rotation: 0, UInt16.self)
            case .floats16: split(items, into: planes, stride, part, rotation: 1, UInt16.self)
            case .integers32: split(items, into: planes, stride, part, rotation: 0, UInt32.self)
            case .floats32: split(items, into: planes, stride, part, rotation: 1, UInt32.self)
            case .integers64: splitWide(items, into: planes, stride, part, rotation: 0)
            case .floats64: splitWide(items, into: planes, stride, part, rotation: 1)
            }
            start += part
        }
    }

    @inline(__always) private static func split<Item: FixedWidthInteger & UnsignedInteger>(
        _ items: UnsafeRawPointer, into planes: UnsafeMutableRawPointer, _ stride: Int, _ count: Int, rotation: Item,
        _: Item.Type
    ) {
        let width = Item(truncatingIfNeeded: Item.bitWidth)
        for plane in 0..<Item.bitWidth / 8 {
            let shift = width &- 8 &- Item(truncatingIfNeeded: 8 * plane)
            let target = planes + plane * stride
            for index in 0..<count {
                let item = items.loadUnaligned(fromByteOffset: index &* (Item.bitWidth / 8), as: Item.self)
                let turned = rotation == 0 ? item : (item &<< rotation) | (item &>> (width &- rotation))
                target.storeBytes(
                    of: UInt8(truncatingIfNeeded: turned &>> shift), toByteOffset: index, as: UInt8.self)
            }
        }
    }

    /// By halves: from eight bytes to one in a single step takes three times as long.
    @inline(__always) private static func splitWide(
        _ items: UnsafeRawPointer, into planes: UnsafeMutableRawPointer, _ stride: Int, _ count: Int, rotation: UInt64
    ) {
        withUnsafeTemporaryAllocation(byteCount: 8 * tile, alignment: 64) { halves in
            guard let high = halves.baseAddress else { return }
            let low = high + 4 * tile
            for index in 0..<count {
                let item = items.loadUnaligned(fromByteOffset: index &* 8, as: UInt64.self)
                let turned = rotation == 0 ? item : (item &<< rotation) | (item &>> (64 &- rotation))
                high.storeBytes(
                    of: UInt32(truncatingIfNeeded: turned &>> 32), toByteOffset: index &* 4, as: UInt32.self)
                low.storeBytes(of: UInt32(truncatingIfNeeded: turned), toByteOffset: index &* 4, as: UInt32.self)
            }
            split(high, into: planes, stride, count, rotation: 0, UInt32.self)
            split(low, into: planes + 4 * stride, stride, count, rotation: 0, UInt32.self)
        }
    }
}
