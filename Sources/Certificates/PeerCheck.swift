internal import CGnuTLS
internal import Digests

/// Judges the certificates that a client has shown (RFC 5280, section 6, by GnuTLS).
///
/// The handshake itself takes any: so that a client with an old certificate gets an answer that says so, instead of an alert.
enum PeerCheck {
    /// More stand between no certificate and its authority.
    private static let longestChain = 8
    /// id-kp-clientAuth.
    private static let purpose = "1.3.6.1.5.5.7.3.2"
    /// id-at-commonName.
    private static let commonName = "2.5.4.3"

    static func judge(
        _ session: gnutls_session_t, _ credentials: gnutls_certificate_credentials_t
    ) -> PeerCertificate {
        var count: UInt32 = 0
        guard let shown = gnutls_certificate_get_peers(session, &count), count > 0 else { return .none }
        guard count <= longestChain else {
            return .refused("the client's certificate comes with more than \(longestChain - 1) others")
        }
        var chain: [gnutls_x509_crt_t?] = []
        defer { for certificate in chain { gnutls_x509_crt_deinit(certificate) } }
        for index in 0..<Int(count) {
            var made: gnutls_x509_crt_t?
            guard gnutls_x509_crt_init(&made) == GNUTLS_E_SUCCESS else {
                return .refused("there was no memory for the client's certificate")
            }
            chain.append(made)
            guard gnutls_x509_crt_import(made, shown + index, GNUTLS_X509_FMT_DER) == GNUTLS_E_SUCCESS else {
                return .refused("the client's certificate cannot be read")
            }
        }
        if let reason = fault(in: &chain, credentials) { return .refused(reason) }
        guard let name = onlyCommonName(of: chain[0]) else {
            return .refused("the client's certificate has to have exactly one common name: the client's id")
        }
        var sum = SHA256()
        sum.update(UnsafeRawBufferPointer(start: shown[0].data, count: Int(shown[0].size)))
        return .valid(
            ClientCertificate(
                commonName: name, fingerprint: sum.finalize(),
                expires: Double(gnutls_x509_crt_get_expiration_time(chain[0]))))
    }

    /// Why the chain is not to be trusted; nil when it is.
    private static func fault(
        in chain: inout [gnutls_x509_crt_t?], _ credentials: gnutls_certificate_credentials_t
    ) -> String? {
        var authorities: gnutls_x509_trust_list_t?
        gnutls_certificate_get_trust_list(credentials, &authorities)
        var status: UInt32 = 0
        var purpose = Array(Self.purpose.utf8CString.map { UInt8(bitPattern: $0) })
        let code = purpose.withUnsafeMutableBufferPointer { oid in
            var condition = gnutls_typed_vdata_st(
                type: GNUTLS_DT_KEY_PURPOSE_OID, data: oid.baseAddress, size: 0)
            return gnutls_x509_trust_list_verify_crt2(
                authorities, &chain, UInt32(chain.count), &condition, 1, 0, &status, nil)
        }
        guard code == GNUTLS_E_SUCCESS else { return "the client's certificate cannot be checked" }
        guard status != 0 else { return nil }
        let reasons: [(gnutls_certificate_status_t, String)] = [
            (GNUTLS_CERT_REVOKED, "is revoked"),
            (GNUTLS_CERT_EXPIRED, "has expired"),
            (GNUTLS_CERT_NOT_ACTIVATED, "is not valid yet"),
            (GNUTLS_CERT_SIGNER_NOT_FOUND, "is of no authority that is trusted here"),
            (GNUTLS_CERT_PURPOSE_MISMATCH, "is not for clients (extended key usage)"),
            (GNUTLS_CERT_INSECURE_ALGORITHM, "is signed by an algorithm that is not secure"),
            (
                GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED,
                "cannot be judged: the gateway's list of revocations is out of date"
            ),
            (
                GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE,
                "cannot be judged: the gateway's list of revocations is from the future"
            ),
        ]
        let reason = reasons.first { status & $0.0.rawValue != 0 }.map { $0.1 } ?? "is not valid"
        return "the client's certificate \(reason)"
    }

    private static func onlyCommonName(of certificate: gnutls_x509_crt_t?) -> String? {
        var size = 1024
        return withUnsafeTemporaryAllocation(byteCount: size, alignment: 1) { buffer in
            func read(_ index: UInt32) -> Int32 {
                size = buffer.count
                return gnutls_x509_crt_get_dn_by_oid(certificate, commonName, index, 0, buffer.baseAddress, &size)
            }
            // Any other failure than that there is none says that there is a second one.
            guard read(1) == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE, read(0) == 0 else { return nil }
            return String(validating: buffer.prefix(size), as: UTF8.self)
        }
    }
}
