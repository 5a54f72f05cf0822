/// What a client has shown of itself.
public enum PeerCertificate: Sendable, Hashable {
    /// Nothing: no TLS, no authority to trust, or no certificate.
    case none
    /// A certificate of a trusted authority, good now.
    case valid(ClientCertificate)
    /// A certificate that counts for nothing; why, for a person.
    case refused(String)
}

/// Whom a certificate names.
public struct ClientCertificate: Sendable, Hashable {
    /// The subject's only common name (X.520, id-at-commonName).
    public let commonName: String
    /// SHA-256 of the certificate.
    public let fingerprint: [UInt8]
    /// When it ends, in seconds since 1970.
    public let expires: Double
}
