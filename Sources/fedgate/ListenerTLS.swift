internal import Certificates
internal import Configuration
internal import Credentials
internal import Flags
internal import Telemetry
internal import WireTime

/// The certificates of the gateway's listener: where they come from, their reload, their end.
struct ListenerTLS: Sendable {
    /// Days before its end at which a certificate is spoken of.
    private static let notice = 14.0

    let terms: TLSTerms
    private let files: TLSFiles

    /// Reads the files.
    init(_ files: TLSFiles) throws(CertificateFailure) {
        self.files = files
        terms = TLSTerms(try ServerCredentials(files))
    }

    /// Which files; nil for plain HTTP.
    static func files(_ settings: Settings) -> TLSFiles? {
        guard let certificate = settings[Catalogue.certificate], let key = settings[Catalogue.privateKey] else {
            return nil
        }
        return TLSFiles(
            certificate: certificate, key: key, clientAuthorities: settings[Catalogue.clientAuthorities],
            revocations: settings[Catalogue.revocations])
    }

    /// What certificates of clients admit to; nil when clients are asked for none.
    static func scopes(_ settings: Settings) throws(UsageFailure) -> Set<Scope>? {
        guard settings[Catalogue.clientAuthorities] != nil else { return nil }
        let list = settings[Catalogue.certificateScopes].joined(separator: ",")
        guard let scopes = Scope.set(list) else {
            let all = Scope.allCases.map(\.rawValue).joined(separator: ", ")
            throw UsageFailure("\(Catalogue.certificateScopes.setting.name) has to be a list of \(all), not \(list)")
        }
        return scopes
    }

    /// Shows when the certificate ends, whether there is one or not.
    static func register(_ tls: ListenerTLS?, in registry: MetricRegistry) {
        registry.gauge(
            "fedgate_certificate_expiry_time_seconds",
            "When the listener's certificate ends, since 1970; 0 without TLS."
        ) { tls?.terms.credentials.expires ?? 0 }
    }

    /// Has SIGHUP read the files anew.
    func watch(_ reload: Reload, _ logger: Logger) {
        warn(logger)
        reload.add("certificates") {
            terms.replace(try ServerCredentials(files))
            warn(logger)
            return "good until \(Timestamp.text(terms.credentials.expires))"
        }
    }

    private func warn(_ logger: Logger) {
        let expires = terms.credentials.expires
        guard expires - Timestamp.now() < Self.notice * 86_400 else { return }
        logger.warning(
            expires > Timestamp.now() ? "the certificate ends soon" : "the certificate has ended; clients refuse it",
            [("file", files.certificate), ("end", Timestamp.text(expires))])
    }
}
