internal import CMicrohttpd
internal import Glibc

/// A request's target and headers, valid while it is accepted.
public struct Request: ~Copyable {
    /// As sent, such as `PUT`.
    public let method: String
    /// As sent, percent-encoded, with its query.
    public let target: String
    /// Whether a body follows.
    public let hasBody: Bool
    /// The body's length where it was announced.
    public let contentLength: UInt64?
    private let connection: OpaquePointer

    init(method: String, target: String, framing: Framing, connection: OpaquePointer) {
        self.method = method
        self.target = target
        self.connection = connection
        contentLength = framing.contentLength
        hasBody = framing.isChunked || (framing.contentLength ?? 0) > 0
    }

    /// The target before its query, percent-encoded.
    public var path: Substring { target.prefix { $0 != "?" } }

    /// The items of the query, decoded; what cannot be decoded stays as it was sent.
    public var query: [(name: String, value: String)] {
        guard let mark = target.firstIndex(of: "?") else { return [] }
        return target[target.index(after: mark)...].split(separator: "&").map { item in
            let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = parts.count > 1 ? parts[1] : ""
            return (PercentCoding.decode(parts[0]) ?? String(parts[0]), PercentCoding.decode(value) ?? String(value))
        }
    }

    /// The value of a field, or of the first of several; nil when there is none.
    ///
    /// - Parameter name: in any case.
    public func header(_ name: String) -> String? {
        var value: UnsafePointer<CChar>?
        var count = 0
        let found = name.withCString {
            MHD_lookup_connection_value_n(connection, .HEADER_KIND, $0, strlen($0), &value, &count)
        }
        guard found == .YES, let value else { return nil }
        return String(decoding: UnsafeRawBufferPointer(start: value, count: count), as: UTF8.self)
    }
}
