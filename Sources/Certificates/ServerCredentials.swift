internal import CGnuTLS

/// A certificate with its key, and the authorities that clients' certificates may come from.
///
/// Never changed once it is made; who reloads makes another one. A session keeps the one that it began with, so whoever
/// attaches it to a session keeps it for as long as that lives.
///
/// Thread: any.
public final class ServerCredentials: Sendable {
    /// Read by GnuTLS only from here on, which it may do on any number of threads.
    nonisolated(unsafe) let handle: gnutls_certificate_credentials_t
    /// Whether clients are asked for certificates.
    public let asksClients: Bool
    /// When the server's certificate ends, or the first one of its chain, in seconds since 1970.
    public let expires: Double

    /// Reads files.
    ///
    /// - Parameter files: in PEM.
    /// - Throws: `CertificateFailure` that names the file.
    public init(_ files: TLSFiles) throws(CertificateFailure) {
        var made: gnutls_certificate_credentials_t?
        guard gnutls_certificate_allocate_credentials(&made) == GNUTLS_E_SUCCESS, let made else {
            throw CertificateFailure("no memory for certificates")
        }
        handle = made
        asksClients = files.clientAuthorities != nil
        do throws(CertificateFailure) {
            expires = try Self.load(files, into: made)
        } catch {
            gnutls_certificate_free_credentials(made)
            throw error
        }
    }

    deinit { gnutls_certificate_free_credentials(handle) }

    private static func load(
        _ files: TLSFiles, into credentials: gnutls_certificate_credentials_t
    ) throws(CertificateFailure) -> Double {
        let chain = try TLSFiles.read(files.certificate)
        let expires = try expiry(of: chain, files.certificate)
        let key = try TLSFiles.read(files.key)
        let code = withDatum(chain) { chain in
            withDatum(key) { gnutls_certificate_set_x509_key_mem2(credentials, chain, $0, GNUTLS_X509_FMT_PEM, nil, 0) }
        }
        guard code >= 0 else {
            let problem =
                code == GNUTLS_E_CERTIFICATE_KEY_MISMATCH
                ? "is not the key of \(files.certificate)" : "is no private key in PEM without a passphrase"
            throw CertificateFailure(files.key, problem, code)
        }
        if let path = files.clientAuthorities {
            let bytes = try TLSFiles.read(path)
            let count = withDatum(bytes) { gnutls_certificate_set_x509_trust_mem(credentials, $0, GNUTLS_X509_FMT_PEM) }
            guard count > 0 else {
                throw CertificateFailure(path, "has no authority's certificate in PEM", min(count, 0))
            }
        }
        if let path = files.revocations {
            let bytes = try TLSFiles.read(path)
            let count = withDatum(bytes) { gnutls_certificate_set_x509_crl_mem(credentials, $0, GNUTLS_X509_FMT_PEM) }
            guard count > 0 else {
                throw CertificateFailure(
                    path, "has no revocations in PEM of the authorities that are trusted", min(count, 0))
            }
        }
        return expires
    }

    /// The first end of all certificates in a chain.
    private static func expiry(of chain: [UInt8], _ path: String) throws(CertificateFailure) -> Double {
        var list: UnsafeMutablePointer<gnutls_x509_crt_t?>?
        var count: UInt32 = 0
        let code = withDatum(chain) { gnutls_x509_crt_list_import2(&list, &count, $0, GNUTLS_X509_FMT_PEM, 0) }
        guard code >= 0, let list, count > 0 else { throw CertificateFailure(path, "has no certificate in PEM", code) }
        defer { cgnutls_free(list) }
        var first = Double.infinity
        for index in 0..<Int(count) {
            first = min(first, Double(gnutls_x509_crt_get_expiration_time(list[index])))
            gnutls_x509_crt_deinit(list[index])
        }
        return first
    }

    private static func withDatum<R>(_ bytes: [UInt8], _ body: (UnsafePointer<gnutls_datum_t>) -> R) -> R {
        var bytes = bytes
        return bytes.withUnsafeMutableBufferPointer { buffer in
            var datum = gnutls_datum_t(data: buffer.baseAddress, size: UInt32(clamping: buffer.count))
            return body(&datum)
        }
    }
}
