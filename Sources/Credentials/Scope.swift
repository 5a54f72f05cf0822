/// What a token admits to.
public enum Scope: String, Sendable, Hashable, CaseIterable {
    /// Updates, registration and reports of one's own.
    case upload
    /// Rounds, results and commands.
    case read
    /// Training commands.
    case command
    /// What operators look at: clients and their reports, metrics, status.
    case operate

    /// Scopes from a list with commas; nil when one is not known, or none is there.
    ///
    /// - Parameter list: such as `upload,read`.
    public static func set(_ list: String) -> Set<Scope>? {
        let names = list.split(separator: ",", omittingEmptySubsequences: false).map { String($0) }
        let scopes = names.compactMap { Scope(rawValue: $0) }
        return scopes.count == names.count && !scopes.isEmpty ? Set(scopes) : nil
    }
}
