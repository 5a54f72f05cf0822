public import Certificates
internal import Glibc

/// What a server is started with.
public struct ServerConfiguration: Sendable {
    /// A name or numeric address to listen on, IPv4 or IPv6.
    ///
    /// `::` takes both.
    public var host = "127.0.0.1"
    /// The port; 0 takes any that is free.
    public var port: UInt16 = 8080
    /// Certificates and keys of a listener for TLS; nil for one without.
    public var tls: TLSTerms?
    /// Worker threads.
    ///
    /// More than there are cores only makes them wake one another.
    public var threads = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    /// Bytes reserved for each connection: request line and headers must fit, and half of it is the largest body piece.
    ///
    /// A connection that had a request keeps all of it resident, since the library wipes it whole: at 64 KiB, 10,000
    /// clients that wait take 640 MB. Uploads measure the same from 16 KiB on; this holds 16 KiB of metadata in a header.
    public var connectionMemory = 18 << 10
    /// Connections at one time.
    ///
    /// Each needs a file descriptor and `connectionMemory`.
    public var maxConnections = 10_000
    /// Connections at one time from one address; nil for no limit of its own.
    public var maxConnectionsPerAddress: Int?
    /// A connection on which nothing moves is closed after this.
    ///
    /// Whole seconds, at least one.
    public var idleTimeout: Duration = .seconds(15)
    /// How long the headers of a request may take.
    public var headerTimeout: Duration = .seconds(10)
    /// How long a request may take in all, its answer included.
    public var requestDeadline: Duration = .seconds(3600)
    /// Bytes a second that a body must bring, in each period of `rateGrace`; 0 for no such rule.
    ///
    /// Time for which a handler has asked the client to wait does not count.
    public var minimumRate = 1024
    /// The period over which `minimumRate` is measured.
    public var rateGrace: Duration = .seconds(10)
    /// Bytes of a body that are read and dropped after it was rejected, so that the client gets to read why.
    public var maxDiscard = 256 << 10
    /// How long a client is given to read a reply that was sent while its body still came.
    public var linger: Duration = .seconds(2)
    /// Connections that the kernel queues before they are accepted.
    public var backlog: Int32 = 1024
    /// Receives what the C library has to say, mostly about clients that broke off; any thread, must not block.
    public var log: (@Sendable (String) -> Void)?

    /// The defaults.
    public init() {}
}

/// Why a server did not start.
public enum ServerFailure: Error, Sendable, Equatable {
    /// The host is no address and no known name.
    case unknownHost(String)
    /// The address cannot be listened on; `code` is an errno.
    case cannotListen(address: String, code: Int32)
    /// libmicrohttpd at run time is neither 0.9 nor 1.
    case wrongLibrary(running: String)
    /// libmicrohttpd was built without TLS.
    case noTLS
    /// libmicrohttpd refused; what it logged.
    case cannotStart(String)
}
