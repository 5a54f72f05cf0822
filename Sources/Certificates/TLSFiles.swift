internal import Files

/// The files, in PEM, of which credentials are made.
public struct TLSFiles: Sendable, Hashable {
    /// The server's certificate, followed by those between it and an authority.
    public var certificate: String
    /// Its private key, not encrypted; the certificate's file may be the same.
    public var key: String
    /// Authorities whose certificates clients may show; nil asks for none.
    public var clientAuthorities: String?
    /// What those authorities have revoked.
    public var revocations: String?

    /// Files.
    ///
    /// - Parameters:
    ///   - certificate: of the server, with its chain.
    ///   - key: of that certificate.
    ///   - clientAuthorities: of clients; nil asks them for nothing.
    ///   - revocations: of those authorities.
    public init(certificate: String, key: String, clientAuthorities: String? = nil, revocations: String? = nil) {
        self.certificate = certificate
        self.key = key
        self.clientAuthorities = clientAuthorities
        self.revocations = revocations
    }

    /// A long list of revocations has some megabytes.
    private static let mostBytes = 64 << 20

    static func read(_ path: String) throws(CertificateFailure) -> [UInt8] {
        do throws(FileFailure) {
            let bytes = try File.contents(of: path, atMost: mostBytes)
            if !bytes.isEmpty { return bytes }
        } catch { throw CertificateFailure(error.description) }
        throw CertificateFailure("\(path) is empty")
    }
}
