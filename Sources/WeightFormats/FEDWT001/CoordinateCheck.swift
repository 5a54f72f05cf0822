/// Gathers the coordinates of one sparse array, a dimension at a time, and tells whether one stands there twice.
struct CoordinateCheck {
    private var linear: [UInt64] = []
    private var expected = 0
    private var dimension = 0
    private var position = 0

    /// Begins an array with `count` coordinates.
    mutating func begin(count: Int) {
        linear.removeAll(keepingCapacity: true)
        expected = count
        dimension = 0
        position = 0
    }

    /// Takes the next coordinate; false when it lies outside its dimension.
    mutating func take(_ coordinate: UInt32, shape: [UInt64]) -> Bool {
        guard dimension < shape.count, UInt64(coordinate) < shape[dimension] else { return false }
        if dimension == 0 {
            linear.append(UInt64(coordinate))
        } else {
            linear[position] = linear[position] * shape[dimension] + UInt64(coordinate)
        }
        position += 1
        if position == expected {
            position = 0
            dimension += 1
        }
        return true
    }

    /// Whether two coordinates name the same element.
    mutating func hasDuplicate() -> Bool {
        var ascending = true
        for index in linear.indices.dropFirst() where linear[index - 1] >= linear[index] {
            ascending = false
            break
        }
        if ascending { return false }
        linear.sort()
        return zip(linear, linear.dropFirst()).contains { $0 == $1 }
    }
}
