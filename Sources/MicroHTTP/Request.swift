public import Certificates
internal import Synchronization

/// The head of a request.
///
/// Valid during `RequestRouter.accept` only, on the thread that called it.
public struct Request: ~Copyable {
    private let head: RequestHead
    private let peer: Connection
    private let terms: TLSTerms?

    init(_ head: RequestHead, of exchange: Exchange) {
        self.head = head
        peer = exchange.connection
        terms = exchange.core.configuration.tls
    }

    private var parts: Target { head.target }

    /// The method, as sent.
    public var method: String { head.method }
    /// `HTTP/1.1` or `HTTP/1.0`.
    public var version: String { head.version }
    /// The length of the body when the client said it.
    public var contentLength: UInt64? { head.framing.contentLength }
    /// Whether the body comes in chunks, its length unknown.
    public var isChunked: Bool { head.framing.isChunked }

    /// What the router wants to remember of the head, for requests of the same connection that repeat it byte by byte.
    ///
    /// Of use for what follows from the head alone: neither from the time nor from anything else that changes.
    public var memo: (any AnyObject & Sendable)? {
        get { head.memo.withLock { $0 } }
        nonmutating set { head.memo.withLock { $0 = newValue } }
    }

    /// The target as sent, with the query.
    public var target: String { parts.text }

    /// The target before the question mark, still percent-coded; without scheme and authority where those were sent.
    public var path: String { parts.rawPath }

    /// Names and values of the query, decoded, in their order; an item without `=` has an empty value.
    ///
    /// Requests whose coding is broken are refused before a router sees them.
    public var query: [(name: String, value: String)] {
        guard parts.hasQuery else { return [] }
        return parts.rawQuery.split(separator: "&").map { item in
            let pair = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (PercentCoding.decode(pair[0]) ?? "", pair.count > 1 ? PercentCoding.decode(pair[1]) ?? "" : "")
        }
    }

    /// Whether a body follows; one that is empty counts if it comes in chunks.
    public var hasBody: Bool { isChunked || contentLength ?? 0 > 0 }

    /// The client's address without the port.
    public var remoteAddress: String { peer.address }

    /// The certificate that the client has shown, judged by the credentials in force.
    public var peerCertificate: PeerCertificate { terms.map { peer.peer($0) } ?? .none }

    /// The value of a header, or nil when the request has none of that name.
    ///
    /// Several lines are joined with `, `. Bytes that are not UTF-8 are replaced.
    ///
    /// - Parameter name: in any case.
    public func header(_ name: String) -> String? { head.header(name) }
}
