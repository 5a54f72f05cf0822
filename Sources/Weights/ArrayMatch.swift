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
        /// Name of the array concerned, as much of it as an answer takes.
        public var name: String?
    }

    /// For each array of the first update, the index of its partner in the other.
    ///
    /// - Parameters:
    ///   - arrays: of the update that is looked at.
    ///   - first: of the round's first update.
    public static func partners(of arrays: [ArraySpec], in first: [ArraySpec]) throws(Mismatch) -> [Int] {
        guard arrays.count == first.count else {
            throw Mismatch(
                reason: "\(arrays.count) arrays, but the round's first update has \(first.count)")
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
                throw Mismatch(
                    reason: "array \(name.quoted) of the round's first update is missing", name: name.excerpt)
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
        guard let difference = difference(of: array, to: expected) else { return }
        let label = "array \(index)" + (array.name.map { " \($0.quoted)" } ?? "")
        throw Mismatch(
            reason: "\(label) \(difference) in the round's first update", array: index, name: array.name?.excerpt)
    }

    private static func difference(of array: ArraySpec, to expected: ArraySpec) -> String? {
        if let name = array.name, let other = expected.name, name != other { return "is called \(other.quoted)" }
        if array.dtype != expected.dtype { return "is \(array.dtype.rawValue), but \(expected.dtype.rawValue)" }
        if array.shape != expected.shape { return "has shape \(array.shape), but \(expected.shape)" }
        return nil
    }
}
