extension PlaneKernels {
    /// Puts elements together from planes; the inverse of `split`.
    ///
    /// - Parameters:
    ///   - planes: the first element's top byte.
    ///   - stride: bytes from a plane to the next.
    ///   - items: where the elements go.
    ///   - count: elements.
    ///   - kind: what they are; not `bytes`.
    static func join(
        _ planes: UnsafeRawPointer, stride: Int, into items: UnsafeMutableRawPointer, count: Int, kind: ItemKind
    ) {
        switch kind {
        case .bytes: items.copyMemory(from: planes, byteCount: count)
        case .integers16: join16(planes, stride, into: items, count, rotation: 0)
        case .floats16: join16(planes, stride, into: items, count, rotation: 1)
        case .integers32: join32(planes, stride, into: items, count, rotation: 0)
        case .floats32: join32(planes, stride, into: items, count, rotation: 1)
        case .integers64: join64(planes, stride, into: items, count, rotation: 0)
        case .floats64: join64(planes, stride, into: items, count, rotation: 1)
        }
    }

    @inline(__always) private static func join16(
        _ planes: UnsafeRawPointer, _ stride: Int, into items: UnsafeMutableRawPointer, _ count: Int, rotation: UInt16
    ) {
        let below = planes + stride
        for index in 0..<count {
            let item = UInt16(planes[index]) &<< 8 | UInt16(below[index])
            let turned = rotation == 0 ? item : (item &>> rotation) | (item &<< (16 &- rotation))
            items.storeBytes(of: turned, toByteOffset: index &* 2, as: UInt16.self)
        }
    }

    @inline(__always) private static func join32(
        _ planes: UnsafeRawPointer, _ stride: Int, into items: UnsafeMutableRawPointer, _ count: Int, rotation: UInt32
    ) {
        for index in 0..<count {
            let item = four(planes, stride, index)
            let turned = rotation == 0 ? item : (item &>> rotation) | (item &<< (32 &- rotation))
            items.storeBytes(of: turned, toByteOffset: index &* 4, as: UInt32.self)
        }
    }

    @inline(__always) private static func join64(
        _ planes: UnsafeRawPointer, _ stride: Int, into items: UnsafeMutableRawPointer, _ count: Int, rotation: UInt64
    ) {
        let below = planes + 4 * stride
        for index in 0..<count {
            let item = UInt64(four(planes, stride, index)) &<< 32 | UInt64(four(below, stride, index))
            let turned = rotation == 0 ? item : (item &>> rotation) | (item &<< (64 &- rotation))
            items.storeBytes(of: turned, toByteOffset: index &* 8, as: UInt64.self)
        }
    }

    /// The bytes of one element in four planes.
    @inline(__always) private static func four(_ planes: UnsafeRawPointer, _ stride: Int, _ index: Int) -> UInt32 {
        UInt32(planes[index]) &<< 24 | UInt32(planes[stride &+ index]) &<< 16
            | UInt32(planes[2 &* stride &+ index]) &<< 8 | UInt32(planes[3 &* stride &+ index])
    }
}

extension UnsafeRawPointer {
    /// A byte.
    @inline(__always) fileprivate subscript(offset: Int) -> UInt8 { load(fromByteOffset: offset, as: UInt8.self) }
}
