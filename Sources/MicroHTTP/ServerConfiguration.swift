internal import Glibc

/// How a server listens, and what it admits.
public struct ServerConfiguration: Sendable {
    /// The address to listen on, IPv4 or IPv6.
    public var host: String
    /// 0 takes any free one.
    public var port: UInt16
    /// As many as there are cores: more of them only wake each other.
    public var threads = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    /// Bytes a connection, for headers and the pieces of bodies; more of it is cleared at each request for nothing.
    public var connectionMemory = 64 << 10
    /// Connections at one time.
    public var maxConnections = 12_000
    /// Connections from one address at one time; 0 sets no bound.
    public var maxConnectionsPerAddress = 0
    /// A connection on which nothing happens for so long is closed.
    public var idleTimeout: Duration = .seconds(60)
    /// From the connection, or a request's first line, to the end of its headers.
    public var headerTimeout: Duration = .seconds(10)
    /// For a whole request, waiting for others not counted.
    public var requestDeadline: Duration = .seconds(3600)
    /// Bytes a second that a body has to bring on average, once `rateGrace` is over.
    public var minimumRate = 1024
    /// How long a body may be slower.
    public var rateGrace: Duration = .seconds(10)
    /// A rest of a refused body up to this size is read before the answer.
    public var smallRest = 64 << 10
    /// Bytes that are read and dropped behind an answer in the middle of a body, so that the client gets to read it.
    public var maxDiscard = 8 << 20

    /// A configuration with the defaults for the rest.
    ///
    /// - Parameters:
    ///   - host: the address to listen on.
    ///   - port: 0 takes any free one.
    public init(host: String = "127.0.0.1", port: UInt16 = 8080) {
        self.host = host
        self.port = port
    }
}

/// Why a server cannot start.
public struct ServerFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// For a person.
    public let description: String
}
