/// Gathers a field of a known length out of pieces of any length.
struct FieldGatherer {
    private(set) var bytes: [UInt8] = []
    private var needed: Int

    init(_ count: Int) { needed = count }

    /// Takes what is missing from the front of `rest`.
    ///
    /// - Returns: whether the field is whole.
    mutating func take(_ rest: inout UnsafeRawBufferPointer) -> Bool {
        let count = min(needed - bytes.count, rest.count)
        bytes.append(contentsOf: rest[..<count])
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        return bytes.count == needed
    }

    /// Begins the next field.
    mutating func next(_ count: Int) {
        bytes.removeAll(keepingCapacity: true)
        needed = count
    }

    /// Makes the field longer by so many bytes, keeping what is there.
    mutating func extend(_ count: Int) { needed += count }

    /// A little-endian integer within the field.
    func integer<T: FixedWidthInteger & UnsignedInteger>(_ type: T.Type, at start: Int) -> T {
        bytes[start..<start + T.bitWidth / 8].reversed().reduce(0) { $0 << 8 | T($1) }
    }
}
