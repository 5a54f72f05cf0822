public import Bytes

/// An answer.
public struct Response: Sendable {
    /// The status code, 200 to 599.
    public var status: Int
    /// Header lines in the order in which they are sent.
    ///
    /// `Content-Length`, `Transfer-Encoding`, `Connection` and `Date` are the server's and left out, and so is a line that
    /// is no valid header.
    public var headers: [(String, String)]
    /// The body.
    ///
    /// Of a `HEAD` request and of a 304 only its length is sent, so give what `GET` would get.
    public var body: Body
    /// Closes the connection afterwards.
    public var close: Bool
    /// What the router's `completed` is to know of it; not sent.
    public var about: (any AnyObject & Sendable)?
    /// Of an answer that many exchanges get: what is made of it once for all of them.
    public var shared: SharedResponse?

    /// An answer.
    ///
    /// - Parameters:
    ///   - status: the status code.
    ///   - headers: names and values.
    ///   - body: none if not given.
    ///   - close: closes the connection afterwards.
    public init(status: Int, headers: [(String, String)] = [], body: Body = .empty, close: Bool = false) {
        self.status = status
        self.headers = headers
        self.body = body
        self.close = close
    }
}

/// The body of an answer.
public enum Body: Sendable {
    /// None.
    case empty
    /// A few bytes; copied once.
    case bytes([UInt8])
    /// A part of a file, sent by the kernel without passing through the process. The file must not shrink.
    case file(FileSlice)
    /// A part of a slab, which is held until it was sent.
    case slab(Slab, Range<Int>)
    /// Bytes that come over time.
    case stream(any BodySource)

    /// Its length in bytes; nought of a stream.
    public var count: Int {
        switch self {
        case .empty: 0
        case .bytes(let bytes): bytes.count
        case .file(let slice): slice.count
        case .slab(let slab, let range): range.clamped(to: 0..<slab.capacity).count
        case .stream: 0
        }
    }
}
