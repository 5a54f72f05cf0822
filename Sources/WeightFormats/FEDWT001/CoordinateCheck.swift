/// Checks the coordinates of one sparse array, a dimension at a time: whether they lie within the shape and, as far as
/// they are few enough to be kept, whether one stands there twice.
///
/// Of many, one that stands there twice is found where the elements are read (`DecodedArray.normalise`): here they go by
/// and are gone, and to keep them all would be memory at the client's will.
struct CoordinateCheck {
    /// So many are kept, 8 MiB of them.
    private static let mostKept = 1 << 20

    private var linear: [UInt64] = []
    private var expected = 0
    private var dimension = 0
    private var position = 0

    private var isKept: Bool { expected <= Self.mostKept }

    /// Begins an array with `count` coordinates.
    mutating func begin(count: Int) {
        linear.removeAll(keepingCapacity: true)
        expected = count
        dimension = 0
        position = 0
    }

    /// Takes the next coordinates.
    ///
    /// - Parameters:
    ///   - coordinates: 4 bytes each, no more than the array has left.
    ///   - shape: of the array.
    /// - Returns: which of them lies outside its dimension; nil when none does.
    mutating func take(_ coordinates: UnsafeRawBufferPointer, shape: [UInt64]) -> Int? {
        var taken = 0
        while taken < coordinates.count / 4 {
            let count = min(coordinates.count / 4 - taken, expected - position)
            guard dimension < shape.count, count > 0 else { return taken }
            let run = UnsafeRawBufferPointer(rebasing: coordinates[4 * taken..<4 * (taken + count)])
            if let outside = takeRun(run, length: shape[dimension]) { return taken + outside }
            taken += count
            position += count
            if position == expected {
                position = 0
                dimension += 1
            }
        }
        return nil
    }

    /// Coordinates of one dimension.
    private mutating func takeRun(_ run: UnsafeRawBufferPointer, length: UInt64) -> Int? {
        for index in 0..<run.count / 4 {
            let value = run.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)
            let coordinate = UInt64(UInt32(littleEndian: value))
            guard coordinate < length else { return index }
            guard isKept else { continue }
            if dimension == 0 {
                linear.append(coordinate)
            } else {
                linear[position + index] = linear[position + index] * length + coordinate
            }
        }
        return nil
    }

    /// Whether two of the coordinates that were kept name the same element.
    mutating func hasDuplicate() -> Bool {
        if zip(linear, linear.dropFirst()).allSatisfy(<) { return false }
        linear.sort()
        return zip(linear, linear.dropFirst()).contains { $0 == $1 }
    }
}
