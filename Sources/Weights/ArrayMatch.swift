/// Whether the arrays of two updates are the same ones (protocol.md, sections 2 and 7).
///
/// By name when every array of both is named, else by position, where only two different names clash.
public enum ArrayMatch {
    /// Why two updates do not belong together.
    public struct Mismatch: Error, Sendable, Hashable {
        /// For a person: which array, what it is and what it should be.
        public var reason: String
        /// Index of the array in the update that was refused, where there is one.
        public var array: Int?
    }

    /// For each array of the first update, the index of its partner in the other.
    ///
    /// - Parameters:
    ///   - arrays: of the update that is looked at.
    ///   - first: of the round's first update.
    public static func partners(of arrays: [ArraySpec], in first: [ArraySpec]) throws(Mismatch) -> [Int] {
        guard arrays.count == first.count else {
            throw Mismatch(
                reason: "\(arrays.count) arrays, but the round's first update has \(first.count)", array: nil)
        }
        let partners = try byName(arrays, first) ?? Array(arrays.indices)
        for (expected, index) in zip(first, partners) { try check(arrays[index], at: index, against: expected) }
        return partners
    }

    /// Nil when not every array of both has a name of its own.
    private static func byName(_ arrays: [ArraySpec], _ first: [ArraySpec]) throws(Mismatch) -> [Int]? {
        guard let names = distinctNames(arrays), let expected = distinctNames(first) else { return nil }
        let indices = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
        var partners: [Int] = []
        for name in expected {
            guard let index = indices[name] else {
                throw Mismatch(reason: "array \"\(name)\" of the round's first update is missing", array: nil)
            }
            partners.append(index)
        }
        return partners
    }

    private static func distinctNames(_ arrays: [ArraySpec]) -> [String]? {
        let names = arrays.compactMap(\.name)
        return names.count == arrays.count && Set(names).count == names.count ? names : nil
    }

    private static func check(_ array: ArraySpec, at index: Int, against expected: ArraySpec) throws(Mismatch) {
        let label = "array \(index)" + (array.name.map { " \"\($0)\"" } ?? "")
        if let name = array.name, let other = expected.name, name != other {
            throw Mismatch(reason: "\(label) is called \"\(other)\" in the round's first update", array: index)
        }
        if array.dtype != expected.dtype {
            let dtype = expected.dtype.rawValue
            throw Mismatch(
                reason: "\(label) is \(array.dtype.rawValue), but \(dtype) in the round's first update", array: index)
        }
        if array.shape != expected.shape {
            throw Mismatch(
                reason: "\(label) has shape \(array.shape), but \(expected.shape) in the round's first update",
                array: index)
        }
    }
}
