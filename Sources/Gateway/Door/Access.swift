internal import Credentials

/// What a route asks of who calls it.
enum Access: Sendable {
    /// Nothing: probes, documentation, the page's files.
    case open
    /// A token with this scope; where the path names a client, one for that client.
    case scoped(Scope)
    /// What operators look at: a token with the scope `operate`, or the private listener.
    case operators
}

/// Who calls.
struct Caller: Sendable {
    /// Nil where neither tokens nor certificates are configured, and on the private listener.
    let grant: Grant?
    /// Whose quota it counts on.
    let account: String

    /// The only client that it may act for.
    var clientID: String? { grant?.clientID }
}
