internal import Weights

/// Turns numbers into elements and gathers them into pieces worth a call.
///
/// Thread: one at a time.
final class ElementWriter {
    /// Room for the pieces; others may use it between two arrays.
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
    private var filled = 0

    deinit { room.deallocate() }

    var pending: Int { filled }

    /// Whether the next element needs a `flush` first.
    var isFull: Bool { filled > room.count - 8 }

    func flush(_ give: (UnsafeRawBufferPointer) throws -> Void) throws {
        let count = filled
        filled = 0
        if count > 0 { try give(UnsafeRawBufferPointer(rebasing: room[..<count])) }
    }

    /// Appends a number; false when the type does not hold it.
    ///
    /// Floats are rounded to nearest, which is how every decimal fits, save those that would become infinite. Integers
    /// have to be exact.
    func append(_ number: JSONNumber, _ text: UnsafePointer<UInt8>, as dtype: DType) -> Bool {
        switch dtype {
        case .float32:
            let value = number.float32(text)
            guard value.isFinite else { return false }
            store(value.bitPattern)
        case .float64:
            let value = number.float64(text)
            guard value.isFinite else { return false }
            store(value.bitPattern)
        case .float16:
            let bits = number.narrow(text) { Float16($0).bitPattern }
            guard bits & 0x7fff < 0x7c00 else { return false }
            store(bits)
        case .bfloat16:
            let bits = number.narrow(text) { BFloat16($0).bits }
            guard bits & 0x7fff < 0x7f80 else { return false }
            store(bits)
        case .float8e4m3fn:
            let bits = number.narrow(text, Float8Format.e4m3fn.encode)
            guard bits & 0x7f < 0x7f else { return false }
            store(bits)
        case .float8e5m2:
            let bits = number.narrow(text, Float8Format.e5m2.encode)
            guard bits & 0x7f < 0x7c else { return false }
            store(bits)
        case .int8: return store(number.integer(Int8.self))
        case .int16: return store(number.integer(Int16.self))
        case .int32: return store(number.integer(Int32.self))
        case .int64: return store(number.integer(Int64.self))
        case .uint8: return store(number.integer(UInt8.self))
        case .uint16: return store(number.integer(UInt16.self))
        case .uint32: return store(number.integer(UInt32.self))
        case .uint64: return store(number.integer(UInt64.self))
        case .bool:
            guard let value = number.integer(UInt8.self), value <= 1 else { return false }
            store(value)
        }
        return true
    }

    func append(_ value: Bool) { store(UInt8(value ? 1 : 0)) }

    @inline(__always)
    private func store<T: FixedWidthInteger>(_ value: T) {
        room.storeBytes(of: value.littleEndian, toByteOffset: filled, as: T.self)
        filled += MemoryLayout<T>.size
    }

    @inline(__always)
    private func store<T: FixedWidthInteger>(_ value: T?) -> Bool {
        guard let value else { return false }
        store(value)
        return true
    }
}
