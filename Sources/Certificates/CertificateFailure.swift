internal import CGnuTLS

/// Why certificates or a key cannot be used.
public struct CertificateFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// For a person, with the file; never a part of a key.
    public let description: String

    init(_ description: String) { self.description = description }

    /// What GnuTLS has to say of a file.
    init(_ path: String, _ problem: String, _ code: Int32) {
        let reason = gnutls_strerror(code).map { String(cString: $0) } ?? "error \(code)"
        description = "\(path): \(problem) (\(reason))"
    }
}
