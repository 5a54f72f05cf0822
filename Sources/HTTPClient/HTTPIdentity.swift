/// Whom a client trusts, and what it shows of itself.
public struct HTTPIdentity: Sendable, Hashable {
    /// Authorities in PEM that the server's certificate may come from; nil for the system's.
    public var authorities: String?
    /// The client's certificate in PEM.
    public var certificate: String?
    /// Its key in PEM; nil where it is in the certificate's file.
    public var key: String?
    /// Shown in `Authorization: Bearer`; never part of an error.
    public var token: String?

    /// The system's authorities, and nothing to show.
    public init() {}
}
