public import Credentials
internal import MicroHTTP

/// Decides with the headers of a request, before a byte of its body is read, whether it comes in.
///
/// Thread: any.
final class Door: Sendable {
    private let tokens: TokenTable?
    private let hasPrivateListener: Bool
    private let quotas: Quotas

    init(_ configuration: DoorConfiguration) {
        tokens = configuration.tokens
        hasPrivateListener = configuration.hasPrivateListener
        quotas = Quotas(
            requestsPerMinute: configuration.requestsPerMinute, bytesPerHour: configuration.bytesPerHour)
    }

    /// Lets a request in, or says why not.
    ///
    /// - Parameters:
    ///   - request: its headers are read.
    ///   - access: what its route asks.
    ///   - clientID: that the path or the query names.
    ///   - isPrivate: whether it came over the private listener.
    /// - Throws: 401, 403, 404 for what the private listener has, or 429.
    func admit(
        _ request: borrowing Request, _ access: Access, clientID: String?, isPrivate: Bool
    ) throws(Failure) -> Caller {
        let address = request.remoteAddress
        if case .open = access { return Caller(grant: nil, account: address) }
        if case .operators = access {
            if isPrivate { return Caller(grant: nil, account: address) }
            if hasPrivateListener { throw Failure(.notFound, "this is served by the private listener only") }
        }
        let grant = try identify(request)
        if let grant { try check(grant, access, clientID) }
        let caller = Caller(grant: grant, account: grant.map { $0.clientID ?? $0.id } ?? address)
        try quotas.charge(caller.account, bytes: request.contentLength ?? 0)
        return caller
    }

    /// A request is over whose body was longer than it had said, or came in chunks.
    func settle(_ account: String, announced: UInt64, received: UInt64) {
        if received > announced { quotas.add(account, bytes: received - announced) }
    }

    /// Nil where no tokens are configured.
    private func identify(_ request: borrowing Request) throws(Failure) -> Grant? {
        guard let tokens else { return nil }
        guard let header = request.header("Authorization") else {
            throw Self.unauthorized("a token is needed: Authorization: Bearer …", error: nil)
        }
        let parts = header.split(separator: " ", omittingEmptySubsequences: true)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else {
            throw Self.unauthorized("Authorization has to be Bearer and one token", error: "invalid_request")
        }
        guard let grant = tokens.grant(of: String(parts[1])) else {
            throw Self.unauthorized("the token is unknown, revoked or expired", error: "invalid_token")
        }
        return grant
    }

    private func check(_ grant: Grant, _ access: Access, _ clientID: String?) throws(Failure) {
        let scope: Scope =
            switch access {
            case .scoped(let scope): scope
            case .open, .operators: .operate
            }
        guard grant.scopes.contains(scope) else {
            var failure = Failure(.forbidden, "the token's scopes have no \"\(scope.rawValue)\"")
            failure.headers = [
                (
                    "WWW-Authenticate",
                    "Bearer realm=\"fedgate\", error=\"insufficient_scope\", scope=\"\(scope.rawValue)\""
                )
            ]
            throw failure
        }
        // Operators look at every client.
        if let own = grant.clientID, let clientID, own != clientID, scope != .operate {
            throw Failure(.forbidden, "the token is for another client than the request")
        }
    }

    /// RFC 6750, section 3: without a token no error is named.
    private static func unauthorized(_ detail: String, error: String?) -> Failure {
        var failure = Failure(.unauthorized, detail)
        failure.headers = [
            ("WWW-Authenticate", "Bearer realm=\"fedgate\"" + (error.map { ", error=\"\($0)\"" } ?? ""))
        ]
        return failure
    }
}

/// How the door works.
public struct DoorConfiguration: Sendable {
    /// The tokens that are good; nil admits everybody.
    public var tokens: TokenTable?
    /// Whether a second listener serves what operators look at; then the public one does not.
    public var hasPrivateListener = false
    /// Requests that one client may make a minute; nil for any number.
    public var requestsPerMinute: Int?
    /// Bytes of bodies that one client may send an hour; nil for any number.
    public var bytesPerHour: Int?
    /// Origins whose pages may ask; none unless configured.
    public var corsOrigins: [String] = []

    /// Everybody, without limits.
    public init() {}
}
