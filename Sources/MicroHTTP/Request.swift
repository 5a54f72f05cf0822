internal import CMicrohttpd
public import Certificates

/// The head of a request.
///
/// Valid during `RequestRouter.accept` only, on the thread that called it.
public struct Request: ~Copyable {
    private let connection: OpaquePointer
    private let parts: Target
    private let peer: Connection
    private let terms: TLSTerms?

    /// The method, as sent.
    public let method: String
    /// `HTTP/1.1` or `HTTP/1.0`.
    public let version: String
    /// The length of the body when the client said it.
    public let contentLength: UInt64?
    /// Whether the body comes in chunks, its length unknown.
    public let isChunked: Bool

    init(
        connection: OpaquePointer, exchange: Exchange, method: String, version: String, framing: borrowing HeaderCheck
    ) {
        self.connection = connection
        self.parts = exchange.parts
        self.peer = exchange.connection
        self.terms = exchange.core.configuration.tls
        self.method = method
        self.version = version
        contentLength = framing.contentLength
        isChunked = framing.isChunked
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
    public func header(_ name: String) -> String? {
        var name = name
        return name.withUTF8 { name in
            guard let base = name.baseAddress else { return nil }
            var joined: String?
            var index = 0
            var value: UnsafePointer<CChar>?
            var count = 0
            let key = UnsafeRawPointer(base).assumingMemoryBound(to: CChar.self)
            while cmhd_header(connection, key, name.count, index, &value, &count) {
                let text = String(decoding: UnsafeRawBufferPointer(start: value, count: count), as: UTF8.self)
                joined = joined.map { $0 + ", " + text } ?? text
                index += 1
            }
            return joined
        }
    }
}
