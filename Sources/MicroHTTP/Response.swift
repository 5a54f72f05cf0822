/// A part of a file that is sent as it is.
public struct FileSlice: Sendable, Hashable {
    /// Of the file; it must not shrink while it is sent.
    public let path: String
    /// Of the first byte.
    public let offset: Int
    /// How many bytes.
    public let count: Int

    /// A part of a file.
    ///
    /// - Parameters:
    ///   - path: of the file.
    ///   - offset: of the first byte.
    ///   - count: how many bytes.
    public init(path: String, offset: Int, count: Int) {
        self.path = path
        self.offset = offset
        self.count = count
    }
}

/// What a response carries.
public enum Body: Sendable {
    /// Nothing.
    case empty
    /// Bytes from memory; for small answers.
    case bytes([UInt8])
    /// Bytes from a file, without a copy through the process.
    case file(FileSlice)
}

/// An answer to a request.
public struct Response: Sendable {
    /// HTTP's status code.
    public var status: Int
    /// Fields in this order; the server adds Date, Content-Length and Connection.
    public var headers: [(String, String)]
    /// What it carries.
    public var body: Body
    /// Whether the connection ends with it.
    public var closes: Bool

    /// A response.
    ///
    /// - Parameters:
    ///   - status: HTTP's status code.
    ///   - headers: fields in this order.
    ///   - body: what it carries.
    ///   - closes: whether the connection ends with it.
    public init(status: Int, headers: [(String, String)] = [], body: Body = .empty, closes: Bool = false) {
        self.status = status
        self.headers = headers
        self.body = body
        self.closes = closes
    }
}
