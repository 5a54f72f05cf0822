internal import Files

/// Why a file of tokens cannot be used.
public struct CredentialFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// For a person, with file and line.
    public let description: String
}

/// The grants of a file: a JSON object a line; empty lines and those that begin with `#` are left out.
public struct TokenFile: Sendable {
    /// More than any fleet has.
    private static let mostBytes = 64 << 20

    /// In the file's order.
    public private(set) var grants: [Grant]
    private let path: String

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - path: of the file.
    ///   - mayBeMissing: reads as an empty one what is not there.
    /// - Throws: `CredentialFailure` that names the line.
    public init(_ path: String, mayBeMissing: Bool = false) throws(CredentialFailure) {
        self.path = path
        grants = []
        guard let text = try Self.read(path, mayBeMissing) else { return }
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            guard !line.isEmpty, !line.hasPrefix("#") else { continue }
            guard let grant = Grant(line: line) else {
                throw CredentialFailure(
                    description:
                        "\(path):\(index + 1): not a line that `fedgate token create` writes: sha256, client_id, scopes, expires"
                )
            }
            grants.append(grant)
        }
    }

    private static func read(_ path: String, _ mayBeMissing: Bool) throws(CredentialFailure) -> String? {
        do throws(FileFailure) {
            return String(decoding: try File.contents(of: path, atMost: mostBytes), as: UTF8.self)
        } catch {
            if mayBeMissing, error.isMissing { return nil }
            throw CredentialFailure(description: error.description)
        }
    }

    /// Adds a grant and writes the file.
    public mutating func add(_ grant: Grant) throws(CredentialFailure) {
        grants.append(grant)
        try write()
    }

    /// Takes a grant out and writes the file; false when there is none of that id.
    ///
    /// - Parameter id: of the grant.
    public mutating func remove(_ id: String) throws(CredentialFailure) -> Bool {
        let count = grants.count
        grants.removeAll { $0.id == id }
        guard grants.count < count else { return false }
        try write()
        return true
    }

    /// Whole, aside, synced and renamed, so that a reader never sees a half of it.
    private func write() throws(CredentialFailure) {
        let text = grants.map { $0.line + "\n" }.joined()
        do {
            let file = try File(creating: path + ".tmp")
            try Array(text.utf8).withUnsafeBytes { try file.write($0, at: 0) }
            try file.sync()
            try File.move(path + ".tmp", to: path)
        } catch { throw CredentialFailure(description: String(describing: error)) }
    }
}
