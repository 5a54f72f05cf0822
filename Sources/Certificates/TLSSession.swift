internal import CGnuTLS

/// A connection's session of GnuTLS, which its owner keeps alive.
///
/// Thread: the one that serves the connection, only; GnuTLS sessions are not for two.
public struct TLSSession {
    private let handle: gnutls_session_t

    /// A session.
    ///
    /// - Parameter handle: a `gnutls_session_t`; nil where there is no TLS.
    public init?(_ handle: UnsafeMutableRawPointer?) {
        guard let handle else { return nil }
        self.handle = OpaquePointer(handle)
    }

    /// What libmicrohttpd lets TLS be: 1.2 and 1.3, in GnuTLS' own choice of ciphers for them.
    public static let priorities = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"

    /// Gives the session its credentials; before its handshake.
    ///
    /// - Parameter credentials: kept by the caller for as long as the session lives.
    /// - Returns: false when there is no memory for it; the handshake then fails.
    public func attach(_ credentials: ServerCredentials) -> Bool {
        guard
            gnutls_credentials_set(handle, GNUTLS_CRD_CERTIFICATE, UnsafeMutableRawPointer(credentials.handle)) == 0
        else { return false }
        if credentials.asksClients { gnutls_certificate_server_set_request(handle, GNUTLS_CERT_REQUEST) }
        return true
    }

    /// Sends bytes and the end of the stream; never blocks.
    ///
    /// - Parameter bytes: what fits into the socket's empty buffer.
    /// - Returns: whether all of them left.
    public func sendLast(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { all in
                gnutls_record_send(handle, all.baseAddress?.advanced(by: sent), all.count - sent)
            }
            guard count > 0 else { return false }
            sent += count
        }
        return gnutls_bye(handle, GNUTLS_SHUT_WR) == GNUTLS_E_SUCCESS
    }

    /// What the client has shown, judged by the credentials in force.
    ///
    /// Takes as long as a few signatures take to check.
    ///
    /// - Parameter credentials: those in force; they may be newer than the session's.
    public func peer(by credentials: ServerCredentials) -> PeerCertificate {
        guard credentials.asksClients else { return .none }
        return PeerCheck.judge(handle, credentials.handle)
    }
}
