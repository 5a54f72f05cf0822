internal import CCurl
internal import Glibc

/// An answer without its body, which went to where the caller said.
public struct HTTPReply: Sendable {
    /// HTTP's status code.
    public let status: Int
    /// Fields with names in lower case; of several the last.
    public let headers: [String: String]
}

/// Why there is no answer.
public struct HTTPClientFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// For a person.
    public let description: String
    /// Whether the same request may have an answer later.
    public let mayPass: Bool

    /// A failure.
    ///
    /// - Parameters:
    ///   - description: for a person.
    ///   - mayPass: whether the same request may have an answer later.
    public init(description: String, mayPass: Bool = true) {
        self.description = description
        self.mayPass = mayPass
    }
}

/// Where a request's body comes from.
public struct HTTPSource: Sendable {
    /// Bytes, or nil when that is not known before.
    public let size: Int?
    /// Fills the buffer and gives how many bytes it put there; 0 at the end.
    public let read: @Sendable (UnsafeMutableRawBufferPointer) throws -> Int

    /// A source.
    ///
    /// - Parameters:
    ///   - size: bytes, or nil.
    ///   - read: fills the buffer and gives how many bytes it put there; 0 at the end.
    public init(size: Int?, read: @escaping @Sendable (UnsafeMutableRawBufferPointer) throws -> Int) {
        self.size = size
        self.read = read
    }
}

/// A small HTTP client on libcurl: bodies are streamed, whatever their size.
///
/// Thread: one at a time; every call blocks.
public final class HTTPClient {
    private var handle: UnsafeMutableRawPointer
    private let identity: HTTPIdentity

    /// A client; its connections are kept.
    ///
    /// - Parameter identity: what it shows to whoever it asks.
    public init(_ identity: HTTPIdentity = HTTPIdentity()) throws(HTTPClientFailure) {
        self.identity = identity
        curl_global_init(Int(CURL_GLOBAL_DEFAULT))
        guard let handle = curl_easy_init() else { throw HTTPClientFailure(description: "no memory for a client") }
        self.handle = handle
    }

    deinit { curl_easy_cleanup(handle) }

    /// Takes another handle.
    ///
    /// One whose request broke off in its body may want to rewind that before each further one, which a stream cannot do
    /// (seen with libcurl 8.14).
    private func renew() {
        guard let fresh = curl_easy_init() else { return }
        curl_easy_cleanup(handle)
        handle = fresh
    }

    /// What asking again does not mend: addresses and certificates.
    private static let lasting: Set<UInt32> = Set(
        [
            CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM,
            CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR,
        ].map(\.rawValue))

    /// Makes one request.
    ///
    /// - Parameters:
    ///   - method: such as `PUT`.
    ///   - url: http or https.
    ///   - headers: name and value.
    ///   - source: of the body; nil for none.
    ///   - sink: gets the answer's body in pieces, with the answer's status.
    ///   - progress: bytes so far, and of how many when that is known; sent ones with a source, else received ones.
    /// - Returns: status and headers.
    public func request(
        _ method: String, _ url: String, headers: [(String, String)] = [], source: HTTPSource? = nil,
        sink: @escaping (Int, UnsafeRawBufferPointer) throws -> Void,
        progress: @escaping (Int, Int?) -> Void = { _, _ in }
    ) throws -> HTTPReply {
        let transfer = Transfer(handle, source, sink, progress)
        let context = Unmanaged.passUnretained(transfer).toOpaque()
        curl_easy_reset(handle)
        fedgate_curl_callbacks(handle, onRead, onWrite, onHeader, onProgress, context)
        _ = fedgate_curl_text(handle, CURLOPT_URL, url)
        _ = fedgate_curl_text(handle, CURLOPT_CUSTOMREQUEST, method)
        _ = fedgate_curl_text(handle, CURLOPT_USERAGENT, "fedgate")
        _ = fedgate_curl_long(handle, CURLOPT_NOSIGNAL, 1)
        _ = fedgate_curl_long(handle, CURLOPT_CONNECTTIMEOUT, 10)
        // A link that died without a word: probed when it is silent, given up when nothing moved for two minutes.
        _ = fedgate_curl_long(handle, CURLOPT_TCP_KEEPALIVE, 1)
        _ = fedgate_curl_long(handle, CURLOPT_TCP_KEEPIDLE, 15)
        _ = fedgate_curl_long(handle, CURLOPT_TCP_KEEPINTVL, 5)
        _ = fedgate_curl_long(handle, CURLOPT_LOW_SPEED_LIMIT, 1)
        _ = fedgate_curl_long(handle, CURLOPT_LOW_SPEED_TIME, 120)
        for (option, file) in [
            (CURLOPT_CAINFO, identity.authorities), (CURLOPT_SSLCERT, identity.certificate),
            (CURLOPT_SSLKEY, identity.key),
        ] {
            if let file { _ = fedgate_curl_text(handle, option, file) }
        }
        if method == "HEAD" { _ = fedgate_curl_long(handle, CURLOPT_NOBODY, 1) }
        if let source {
            _ = fedgate_curl_long(handle, CURLOPT_UPLOAD, 1)
            if let size = source.size { _ = fedgate_curl_offset(handle, CURLOPT_INFILESIZE_LARGE, curl_off_t(size)) }
        }
        var list: UnsafeMutablePointer<curl_slist>?
        let shown = identity.token.map { [("Authorization", "Bearer \($0)")] } ?? []
        for (name, value) in headers + shown { list = curl_slist_append(list, "\(name): \(value)") }
        defer { curl_slist_free_all(list) }
        _ = fedgate_curl_headers(handle, list)
        let code = withExtendedLifetime(transfer) { curl_easy_perform(handle) }
        let status = transfer.status
        if code != CURLE_OK { renew() }
        if let failure = transfer.failure { throw failure }
        guard code == CURLE_OK || (code == CURLE_SEND_ERROR && status >= 400) else {
            let reason = String(cString: curl_easy_strerror(code))
            throw HTTPClientFailure(description: "\(url): \(reason)", mayPass: !Self.lasting.contains(code.rawValue))
        }
        return HTTPReply(status: status, headers: transfer.headers)
    }
}

/// One request under way.
///
/// Thread: the caller's.
private final class Transfer {
    private let handle: UnsafeMutableRawPointer
    private let source: HTTPSource?
    private let sink: (Int, UnsafeRawBufferPointer) throws -> Void
    private let progress: (Int, Int?) -> Void
    private(set) var headers: [String: String] = [:]
    private(set) var failure: (any Error)?

    init(
        _ handle: UnsafeMutableRawPointer, _ source: HTTPSource?,
        _ sink: @escaping (Int, UnsafeRawBufferPointer) throws -> Void, _ progress: @escaping (Int, Int?) -> Void
    ) {
        self.handle = handle
        self.source = source
        self.sink = sink
        self.progress = progress
    }

    var status: Int { fedgate_curl_status(handle) }

    func read(_ buffer: UnsafeMutableRawBufferPointer) -> Int? {
        do { return try source?.read(buffer) ?? 0 } catch {
            failure = error
            return nil
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
        do { try sink(status, bytes) } catch {
            failure = error
            return false
        }
        return true
    }

    func take(header line: UnsafeRawBufferPointer) {
        let text = String(decoding: line, as: UTF8.self)
        // Another status line follows an interim answer or a redirect.
        if text.hasPrefix("HTTP/") { headers = [:] }
        guard let colon = text.firstIndex(of: ":") else { return }
        let value = text[text.index(after: colon)...].drop { $0 == " " }.prefix { !$0.isNewline }
        headers[text[..<colon].lowercased()] = String(value)
    }

    func report(received: Int, of expected: Int, sent: Int, of total: Int) {
        if let source {
            progress(sent, source.size ?? (total > 0 ? total : nil))
        } else {
            progress(received, expected > 0 ? expected : nil)
        }
    }
}

private func transfer(_ context: UnsafeMutableRawPointer?) -> Transfer? {
    context.map { Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
}

private func onRead(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    transfer(context)?.read(UnsafeMutableRawBufferPointer(start: bytes, count: size * count))
        ?? Int(CURL_READFUNC_ABORT)
}

private func onWrite(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    let piece = UnsafeRawBufferPointer(start: bytes, count: size * count)
    return transfer(context)?.write(piece) == true ? piece.count : 0
}

private func onHeader(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
    transfer(context)?.take(header: UnsafeRawBufferPointer(start: bytes, count: size * count))
    return size * count
}

private func onProgress(
    _ context: UnsafeMutableRawPointer?, _ expected: curl_off_t, _ received: curl_off_t, _ total: curl_off_t,
    _ sent: curl_off_t
) -> Int32 {
    transfer(context)?.report(received: Int(received), of: Int(expected), sent: Int(sent), of: Int(total))
    return 0
}
