public import Weights

extension ArraySpec {
    /// The array that bare elements are, as a query, the type of a part or a flag says it beside them.
    ///
    /// - Parameters:
    ///   - dtype: the name of the element type.
    ///   - shape: lengths in decimal digits with commas, and perhaps blanks, between them; empty for a scalar.
    ///   - name: of the array.
    /// - Throws: `WeightFailure`, whose offset says nothing.
    public init(raw dtype: String, shape: String, name: String? = nil) throws(WeightFailure) {
        guard let type = DType(rawValue: dtype) else {
            throw WeightFailure("dtype \(dtype.quoted) is not one of \(ElementType.admitted)", at: 0)
        }
        var lengths: [UInt64] = []
        let parts = shape.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        for part in shape.isEmpty ? [] : parts {
            guard let length = Self.length(part) else {
                throw WeightFailure("shape \(shape.quoted) has to be lengths, such as 2,3", at: 0)
            }
            lengths.append(length)
        }
        let most = ArrayDraft.maximumDimensions
        guard lengths.count <= most else {
            throw WeightFailure("shape \(shape.quoted) has more than \(most) lengths", at: 0, limit: UInt64(most))
        }
        self = try .checked(name: name, dtype: type, shape: lengths, at: 0, array: nil)
    }

    /// Digits, and blanks around them.
    private static func length(_ text: Substring.UTF8View) -> UInt64? {
        let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
        let start = text.drop(while: isBlank)
        let digits = start.prefix { 0x30...0x39 ~= $0 }
        guard start.dropFirst(digits.count).allSatisfy(isBlank), digits.count == 1 || digits.first != 0x30 else {
            return nil
        }
        return UInt64(Substring(digits))
    }
}
