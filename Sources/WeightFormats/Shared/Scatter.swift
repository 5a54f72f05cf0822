internal import Files
internal import Weights

/// The stored elements of a sparse array, put where they belong.
///
/// Memory: a block of places; a bit for each element of the array when the coordinates do not ascend.
struct Scatter {
    private static let block = 4096

    let spec: ArraySpec
    let stream: UnsafeRawBufferPointer
    let count: Int
    /// A range of the stream for each dimension.
    let coordinates: [Range<Int>]
    /// Bytes of one coordinate.
    let size: Int
    let values: Range<Int>

    /// - Parameter output: all elements, all zero.
    /// - Throws: `WeightFailure` when a coordinate is outside the shape or comes twice.
    func copy(to output: UnsafeMutableRawBufferPointer) throws(WeightFailure) {
        let item = spec.dtype.itemSize
        var ascends = true
        var last = -1
        try forEachBlock { (start, places) throws(WeightFailure) in
            var value = values.lowerBound + start * item
            for place in places {
                if place <= last { ascends = false }
                last = place
                UnsafeMutableRawBufferPointer(rebasing: output[place * item..<(place + 1) * item])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: stream[value..<value + item]))
                value += item
            }
        }
        if !ascends { try refuseRepeats() }
    }

    private func refuseRepeats() throws(WeightFailure) {
        var memory = MappedMemory()
        let seen: UnsafeMutableRawBufferPointer
        do throws(FileFailure) { seen = try memory.zeroed((spec.count + 7) / 8) } catch {
            throw WeightFailure("\(error)", at: offset)
        }
        try forEachBlock { (_, places) throws(WeightFailure) in
            for place in places {
                let bit = UInt8(1) << UInt8(place & 7)
                guard seen[place >> 3] & bit == 0 else { throw WeightFailure("a coordinate comes twice", at: offset) }
                seen[place >> 3] |= bit
            }
        }
    }

    private var offset: UInt64 { UInt64(coordinates.first?.lowerBound ?? 0) }

    /// Calls `body` with the number of a stored element and the places, in C order, of it and those behind it.
    private func forEachBlock(
        _ body: (Int, ArraySlice<Int>) throws(WeightFailure) -> Void
    ) throws(WeightFailure) {
        var places = [Int](repeating: 0, count: min(Self.block, count))
        var start = 0
        while start < count {
            let length = min(Self.block, count - start)
            for index in 0..<length { places[index] = 0 }
            for (dimension, range) in coordinates.enumerated() {
                let side = spec.shape[dimension]
                for index in 0..<length {
                    let at = range.lowerBound + (start + index) * size
                    let coordinate =
                        size == 8
                        ? UInt64(littleEndian: stream.loadUnaligned(fromByteOffset: at, as: UInt64.self))
                        : UInt64(UInt32(littleEndian: stream.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
                    guard coordinate < side else {
                        throw WeightFailure("coordinate \(coordinate) is outside shape \(spec.shape)", at: UInt64(at))
                    }
                    places[index] = places[index] * Int(side) + Int(coordinate)
                }
            }
            try body(start, places[..<length])
            start += length
        }
    }
}
