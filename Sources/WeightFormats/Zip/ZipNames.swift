internal import Weights

/// How members of an archive and arrays are called by one another.
enum ZipNames {
    /// The array's name; nil when the member is none that an archive of arrays has.
    static func array(of member: String) -> String? {
        guard member.hasSuffix(".npy"), isSafe(member) else { return nil }
        return String(member.dropLast(4))
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
