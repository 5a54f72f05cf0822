internal import Weights

/// How members of an archive and arrays are called by one another.
enum ZipNames {
    /// Far below what an archive's directory has room for.
    private static let longest = 1 << 15

    /// The array's name; nil when the member is none that an archive of arrays has.
    static func array(of member: String) -> String? {
        guard member.hasSuffix(".npy"), isSafe(member) else { return nil }
        return String(member.dropLast(4))
    }

    /// Refuses what no file in an archive of ours is called.
    static func check(_ member: String, at offset: UInt64, array: Int) throws(WeightFailure) {
        guard isSafe(member) else {
            throw WeightFailure(
                "the name \(member.quoted) cannot be that of a file in an archive: it is absolute, or contains .., an empty"
                    + " part or a backslash", at: offset, array: array)
        }
        guard member.utf8.count <= longest else {
            throw WeightFailure(
                "the name \(member.quoted) has more than \(longest) bytes", at: offset, array: array,
                limit: UInt64(longest))
        }
    }

    /// Neither absolute nor on a way upwards.
    static func isSafe(_ member: String) -> Bool {
        !member.hasPrefix("/") && !member.contains("\\") && !member.contains("\0")
            && member.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { $0 != ".." && !$0.isEmpty }
    }

    /// Whether these are the names that NumPy gives to arrays without one.
    static func areAutomatic(_ names: [String?]) -> Bool {
        names.enumerated().allSatisfy { $0.element == "arr_\($0.offset)" }
    }
}
