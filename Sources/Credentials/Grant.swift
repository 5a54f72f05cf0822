internal import Digests
internal import WireJSON

/// Whom a token stands for, and what it admits to.
public struct Grant: Sendable, Hashable {
    /// Names it in lists and logs; says nothing about the token.
    public let id: String
    /// SHA-256 of the token.
    public let hash: [UInt8]
    /// The only client that it may act for; nil for any.
    public let clientID: String?
    /// What it admits to.
    public let scopes: Set<Scope>
    /// Seconds since 1970 from which on it is refused; nil for never.
    public let expires: Double?

    /// A grant.
    ///
    /// - Parameters:
    ///   - hash: SHA-256 of the token.
    ///   - clientID: the only client that it may act for.
    ///   - scopes: what it admits to.
    ///   - expires: seconds since 1970.
    public init(hash: [UInt8], clientID: String?, scopes: Set<Scope>, expires: Double?) {
        id = String(Hex.encode(hash).prefix(12))
        self.hash = hash
        self.clientID = clientID
        self.scopes = scopes
        self.expires = expires
    }

    /// Its line in a file of tokens, without the end of the line.
    public var line: String {
        let members: [String: JSONValue] = [
            "sha256": .string(Hex.encode(hash)), "client_id": clientID.map { .string($0) } ?? .null,
            "scopes": .array(Scope.allCases.filter(scopes.contains).map { .string($0.rawValue) }),
            "expires": expires.map { .integer(Int64($0)) } ?? .null,
        ]
        // Texts and lists of texts: encoding them does not fail.
        return String(decoding: (try? JSONValue.object(members).encoded()) ?? [], as: UTF8.self)
    }

    init?(line: some StringProtocol) {
        guard let members = (try? JSONValue(parsing: line.utf8))?.objectValue,
            let hash = members["sha256"]?.stringValue.flatMap({ Hex.decode($0) }), hash.count == 32,
            case .array(let names)? = members["scopes"],
            let scopes = Scope.set(names.compactMap(\.stringValue).joined(separator: ","))
        else { return nil }
        var expires: Double?
        switch members["expires"] ?? .null {
        case .null: break
        case .integer(let seconds) where 0...253_402_300_799 ~= seconds: expires = Double(seconds)
        default: return nil
        }
        switch members["client_id"] ?? .null {
        case .null: self.init(hash: hash, clientID: nil, scopes: scopes, expires: expires)
        case .string(let client): self.init(hash: hash, clientID: client, scopes: scopes, expires: expires)
        default: return nil
        }
    }
}
