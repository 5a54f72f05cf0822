internal import Synchronization

/// The credentials in force, which new connections get.
///
/// Thread: any.
public final class TLSTerms: Sendable {
    private let now: Mutex<ServerCredentials>

    /// Terms.
    ///
    /// - Parameter credentials: in force until others are.
    public init(_ credentials: ServerCredentials) { now = Mutex(credentials) }

    /// Those in force.
    public var credentials: ServerCredentials { now.withLock { $0 } }

    /// Puts others in force, for what connects from now on; clients' certificates are checked against these at once.
    ///
    /// - Parameter credentials: from the files as they are now.
    public func replace(_ credentials: ServerCredentials) { now.withLock { $0 = credentials } }
}
