internal import Weights

/// Keeps nested lists whose type is not known yet, as they are, so that nothing of them is lost.
struct ParkedText {
    /// Of the text of one array.
    static let maximumLength = 16 << 20

    /// Of its first byte in the body.
    let offset: UInt64
    private let array: Int
    private(set) var text: [UInt8] = []
    private var depth = 0
    private(set) var isComplete = false

    init(offset: UInt64, array: Int) {
        self.offset = offset
        self.array = array
    }

    /// Takes text up to the end of the value.
    ///
    /// - Returns: where in the text the value ends, or its count.
    mutating func feed(_ bytes: UnsafeRawBufferPointer, from start: Int) throws(WeightFailure) -> Int {
        var end = start
        while end < bytes.count, !isComplete {
            switch bytes[end] {
            case UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "]"):
                depth -= 1
                isComplete = depth <= 0
                if depth < 0 { return try keep(bytes[start..<end]) }
            case UInt8(ascii: ","), UInt8(ascii: "}"):
                // Behind a single number.
                if depth == 0 {
                    isComplete = true
                    return try keep(bytes[start..<end])
                }
            default: break
            }
            end += 1
        }
        return try keep(bytes[start..<end])
    }

    /// Puts a blank behind the text, which ends a number that stands alone.
    mutating func end() { text.append(0x20) }

    private mutating func keep(_ piece: Slice<UnsafeRawBufferPointer>) throws(WeightFailure) -> Int {
        guard piece.count <= Self.maximumLength - text.count else {
            throw WeightFailure(
                "data of more than \(Self.maximumLength) characters comes before its dtype; put dtype first",
                at: offset, array: array, limit: UInt64(Self.maximumLength))
        }
        text.append(contentsOf: piece)
        return piece.endIndex
    }
}
