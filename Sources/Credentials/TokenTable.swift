internal import Synchronization
internal import WireTime

/// The tokens that are good now.
///
/// What is looked up is a hash of what the client sent, so that the time it takes says nothing about the tokens themselves; the
/// whole hashes are compared in constant time all the same.
///
/// Thread: any.
public final class TokenTable: Sendable {
    private let grants: Mutex<[UInt64: [Grant]]>

    /// A table.
    ///
    /// - Parameter grants: from a file.
    public init(_ grants: [Grant]) { self.grants = Mutex(Self.index(grants)) }

    /// Takes the place of what was there.
    ///
    /// - Parameter grants: from a file.
    public func replace(_ grants: [Grant]) { self.grants.withLock { $0 = Self.index(grants) } }

    /// How many there are.
    public var count: Int { grants.withLock { $0.values.reduce(0) { $0 + $1.count } } }

    /// What a token admits to; nil when it is unknown or has expired.
    ///
    /// - Parameter text: as a client sent it.
    public func grant(of text: String) -> Grant? {
        guard text.utf8.count <= 256 else { return nil }
        let hash = Token.hash(text)
        let candidates = grants.withLock { $0[Self.key(hash)] ?? [] }
        let found = candidates.first { Self.areEqual($0.hash, hash) }
        guard let found, found.expires.map({ $0 > Timestamp.now() }) ?? true else { return nil }
        return found
    }

    private static func index(_ grants: [Grant]) -> [UInt64: [Grant]] { Dictionary(grouping: grants) { key($0.hash) } }

    private static func key(_ hash: [UInt8]) -> UInt64 { hash.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } }

    /// Looks at every byte, whatever the first ones were.
    private static func areEqual(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        guard one.count == other.count else { return false }
        return zip(one, other).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
