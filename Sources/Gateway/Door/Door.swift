internal import Certificates
public import Credentials
internal import Envelopes
internal import MicroHTTP

/// Decides with the headers of a request, before a byte of its body is read, whether it comes in.
///
/// Thread: any.
final class Door: Sendable {
    private let tokens: TokenTable?
    private let certificateScopes: Set<Scope>?
    private let hasPrivateListener: Bool
    private let quotas: Quotas

    init(_ configuration: DoorConfiguration) {
        tokens = configuration.tokens
        certificateScopes = configuration.certificateScopes
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

    /// Nil where neither tokens nor certificates are configured.
    ///
    /// Of both, what the token says counts, but it has to be of the client that the certificate names.
    private func identify(_ request: borrowing Request) throws(Failure) -> Grant? {
        if tokens == nil, certificateScopes == nil { return nil }
        let shown = try certificateGrant(request)
        guard let tokens else {
            guard shown != nil || certificateScopes == nil else {
                throw Self.unauthorized("a client certificate is needed", scheme: Self.byCertificate)
            }
            return shown
        }
        guard let header = request.header("Authorization") else {
            if let shown { return shown }
            let or = certificateScopes == nil ? "" : " or a client certificate"
            throw Self.unauthorized("a token\(or) is needed: Authorization: Bearer …")
        }
        let grant = try Self.tokenGrant(header, tokens)
        if let own = grant.clientID, let other = shown?.clientID, own != other {
            throw Failure(.forbidden, "the token is for another client than the certificate")
        }
        return grant
    }

    /// What the client's certificate admits to; nil when it showed none, or is not asked for one.
    ///
    /// - Throws: 401 for one that is not good, even if a token would do: whoever shows it should know.
    private func certificateGrant(_ request: borrowing Request) throws(Failure) -> Grant? {
        guard let certificateScopes else { return nil }
        switch request.peerCertificate {
        case .none: return nil
        case .refused(let reason): throw Self.unauthorized(reason, scheme: Self.byCertificate)
        case .valid(let certificate):
            guard Identifier.check(certificate.commonName) else {
                throw Self.unauthorized(
                    "the certificate's common name is no client id: 1 to 128 characters, no control characters, no slash",
                    scheme: Self.byCertificate)
            }
            return Grant(
                hash: certificate.fingerprint, clientID: certificate.commonName, scopes: certificateScopes,
                expires: certificate.expires)
        }
    }

    private static func tokenGrant(_ header: String, _ tokens: TokenTable) throws(Failure) -> Grant {
        let parts = header.split(separator: " ", omittingEmptySubsequences: true)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else {
            throw unauthorized("Authorization has to be Bearer and one token", error: "invalid_request")
        }
        guard let grant = tokens.grant(of: String(parts[1])) else {
            throw unauthorized("the token is unknown, revoked or expired", error: "invalid_token")
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
            var failure = Failure(.forbidden, "the scopes of the token or certificate have no \"\(scope.rawValue)\"")
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
            throw Failure(.forbidden, "the token or certificate is for another client than the request")
        }
    }

    /// A 401 has to name a scheme, and there is none for certificates (RFC 9110, section 11.6.1).
    private static let byCertificate = "Certificate"

    /// RFC 6750, section 3: without a token no error is named.
    private static func unauthorized(_ detail: String, error: String? = nil, scheme: String = "Bearer") -> Failure {
        var failure = Failure(.unauthorized, detail)
        failure.headers = [
            ("WWW-Authenticate", "\(scheme) realm=\"fedgate\"" + (error.map { ", error=\"\($0)\"" } ?? ""))
        ]
        return failure
    }
}

/// How the door works.
public struct DoorConfiguration: Sendable {
    /// The tokens that are good; nil admits everybody, unless certificates do not.
    public var tokens: TokenTable?
    /// What a client's certificate admits to; nil where clients are not asked for any.
    public var certificateScopes: Set<Scope>?
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
