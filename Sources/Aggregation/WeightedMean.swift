internal import Weights

/// Σ(n·x) / Σn over ranges of equal arrays, in float64, in the order in which they are added (FedAvg: McMahan et al.,
/// 2017; protocol.md, section 7).
///
/// It holds one range of one array, whatever the size of the model and the number of clients.
///
/// Thread: one at a time.
final class WeightedMean {
    /// Elements in the largest range: a quarter MiB of them keeps the sums in the processor's cache.
    static let capacity = 1 << 15

    private let dtype: DType
    private let sums = UnsafeMutablePointer<Double>.allocate(capacity: capacity)
    /// Integers whose inputs are all equal come back exactly, which a float64 mean of large ones would not do.
    private let first: UnsafeMutableRawPointer
    private let differs = UnsafeMutablePointer<Bool>.allocate(capacity: capacity)
    private let exact: Bool
    private var total = 0.0
    private var count = 0

    init(_ dtype: DType) {
        self.dtype = dtype
        exact =
            switch dtype {
            case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64: true
            default: false
            }
        first = .allocate(byteCount: Self.capacity * 8, alignment: 16)
    }

    deinit {
        sums.deallocate()
        first.deallocate()
        differs.deallocate()
    }

    /// Begins a new range.
    func reset() {
        total = 0
        count = 0
    }

    /// Adds one client's elements of the range; every call brings as many, aligned to 8 bytes.
    func add(_ elements: UnsafeRawBufferPointer, samples: Int64) {
        guard let base = elements.baseAddress else { return }
        let weight = Double(samples)
        switch dtype {
        case .float16: fold(base, elements.count, weight, Float16Element.self)
        case .float32: fold(base, elements.count, weight, Float32Element.self)
        case .float64: fold(base, elements.count, weight, Float64Element.self)
        case .bfloat16: fold(base, elements.count, weight, BFloat16Element.self)
        case .float8e4m3fn: fold(base, elements.count, weight, Float8e4m3fnElement.self)
        case .float8e5m2: fold(base, elements.count, weight, Float8e5m2Element.self)
        case .int8: fold(base, elements.count, weight, IntegerElement<Int8>.self)
        case .int16: fold(base, elements.count, weight, IntegerElement<Int16>.self)
        case .int32: fold(base, elements.count, weight, IntegerElement<Int32>.self)
        case .int64: fold(base, elements.count, weight, IntegerElement<Int64>.self)
        case .uint8: fold(base, elements.count, weight, IntegerElement<UInt8>.self)
        case .uint16: fold(base, elements.count, weight, IntegerElement<UInt16>.self)
        case .uint32: fold(base, elements.count, weight, IntegerElement<UInt32>.self)
        case .uint64: fold(base, elements.count, weight, IntegerElement<UInt64>.self)
        case .bool: fold(base, elements.count, weight, BoolElement.self)
        }
        total += weight
    }

    /// Writes the means of the range; as many bytes as were added.
    func finish(into range: UnsafeMutableRawBufferPointer) {
        guard let output = range.baseAddress else { return }
        switch dtype {
        case .float16: write(output, Float16Element.self)
        case .float32: write(output, Float32Element.self)
        case .float64: write(output, Float64Element.self)
        case .bfloat16: write(output, BFloat16Element.self)
        case .float8e4m3fn: write(output, Float8e4m3fnElement.self)
        case .float8e5m2: write(output, Float8e5m2Element.self)
        case .int8: write(output, IntegerElement<Int8>.self)
        case .int16: write(output, IntegerElement<Int16>.self)
        case .int32: write(output, IntegerElement<Int32>.self)
        case .int64: write(output, IntegerElement<Int64>.self)
        case .uint8: write(output, IntegerElement<UInt8>.self)
        case .uint16: write(output, IntegerElement<UInt16>.self)
        case .uint32: write(output, IntegerElement<UInt32>.self)
        case .uint64: write(output, IntegerElement<UInt64>.self)
        case .bool: write(output, BoolElement.self)
        }
    }

    @inline(__always)
    private func fold<E: MeanElement>(_ base: UnsafeRawPointer, _ bytes: Int, _ weight: Double, _: E.Type) {
        let elements = base.assumingMemoryBound(to: E.Raw.self)
        let count = bytes / MemoryLayout<E.Raw>.size
        precondition(
            count <= Self.capacity && (total == 0 || count == self.count), "ranges of one length, and not longer")
        if total == 0 {
            // The first product is stored, not added to 0.0, so that -0.0 stays what it is.
            for index in 0..<count { sums[index] = weight * E.widen(elements[index]) }
            self.count = count
            if exact {
                first.copyMemory(from: base, byteCount: bytes)
                differs.update(repeating: false, count: count)
            }
        } else {
            for index in 0..<count { sums[index] += weight * E.widen(elements[index]) }
            if exact { compare(base, MemoryLayout<E.Raw>.size, count) }
        }
    }

    private func compare(_ base: UnsafeRawPointer, _ size: Int, _ count: Int) {
        for index in 0..<count {
            let range = index * size..<(index + 1) * size
            for byte in range
            where base.load(fromByteOffset: byte, as: UInt8.self) != first.load(fromByteOffset: byte, as: UInt8.self) {
                differs[index] = true
            }
        }
    }

    @inline(__always)
    private func write<E: MeanElement>(_ output: UnsafeMutableRawPointer, _: E.Type) {
        let means = output.assumingMemoryBound(to: E.Raw.self)
        for index in 0..<count { means[index] = E.narrow(sums[index] / total) }
        guard exact else { return }
        let originals = first.assumingMemoryBound(to: E.Raw.self)
        for index in 0..<count where !differs[index] { means[index] = originals[index] }
    }
}
