/// What the gateway is to the world: sections http, limits, storage and log.
extension Catalogue {
    /// Where to listen.
    public static let listen = Key<String>.text(
        "http.listen", "127.0.0.1:8080", as: "HOST:PORT", flag: "--listen", "where to listen")
    /// The server's certificate.
    public static let certificate = Key<String?>.text(
        "http.tls_certificate_file", as: "FILE", otherwise: "plain HTTP", flag: "--tls-certificate",
        "certificate and chain in PEM, of a listener for TLS; read again on SIGHUP")
    /// Its key.
    public static let privateKey = Key<String?>.text(
        "http.tls_key_file", as: "FILE", otherwise: "plain HTTP", flag: "--tls-key",
        "the certificate's private key in PEM, without a passphrase; read again on SIGHUP")
    /// Bytes of the largest body.
    public static let maxBody = Key<Int>.bytes("http.max_body", 10 << 30, flag: "--max-body", "largest upload")
    /// Content codings in which results can be had.
    public static let contentCodings = Key<[String]>.list(
        "http.content_codings", ["zstd", "gzip"], as: "zstd or gzip, or none alone", flag: "--content-codings",
        "in which results can be had")
    /// Seconds between the signal to end and the refusal of connections.
    public static let drainDelay = Key<Double>.number(
        "http.drain_delay", 0, in: 0...3600, unit: "seconds", flag: "--drain-delay",
        "on SIGTERM, how long to say not ready before connections are refused")
    /// Seconds that requests may go on afterwards.
    public static let drainTimeout = Key<Double>.number(
        "http.drain_timeout", 10, in: 0...3600, unit: "seconds", flag: "--drain-timeout",
        "how long requests may then go on, and the log may flush")

    /// Where operators ask.
    public static let privateListen = Key<String?>.text(
        "http.private_listen", as: "HOST:PORT", otherwise: "none", flag: "--private-listen",
        "a second listener, for /metrics, /profile, /status and /clients, which the first then does not serve; aggregate's only one"
    )
    /// Origins of pages that may ask.
    public static let corsOrigins = Key<[String]>.list(
        "http.cors_origins", [], as: "ORIGIN", otherwise: "none", flag: "--cors-origins",
        "origins of web pages whose scripts may ask, such as https://fleet.example")

    static let http = [
        listen.setting, certificate.setting, privateKey.setting, privateListen.setting, maxBody.setting,
        contentCodings.setting, corsOrigins.setting,
        drainDelay.setting, drainTimeout.setting,
    ]

    /// The file of `fedgate token`.
    public static let tokens = Key<String?>.text(
        "auth.tokens_file", as: "FILE", otherwise: "nobody has to show a token", flag: "--tokens",
        "the tokens that are good, as `fedgate token create` writes them; read again on SIGHUP")
    /// Whether the network is trusted.
    public static let allowAnonymous = Key<Bool>.toggle(
        "auth.allow_anonymous", false, flag: "--allow-anonymous",
        "listen beyond this machine without tokens and client certificates, where something in front checks clients")

    /// Whose certificates clients may show.
    public static let clientAuthorities = Key<String?>.text(
        "auth.client_ca_file", as: "FILE", otherwise: "clients are asked for no certificate", flag: "--client-ca",
        "authorities in PEM; a client whose certificate is theirs acts as the client that its common name says")
    /// What those have revoked.
    public static let revocations = Key<String?>.text(
        "auth.client_crl_file", as: "FILE", otherwise: "nothing is revoked", flag: "--client-crl",
        "lists of revoked client certificates in PEM; read again on SIGHUP")
    /// What a certificate admits to.
    public static let certificateScopes = Key<[String]>.list(
        "auth.certificate_scopes", ["upload", "read"], as: "upload, read, command or operate",
        flag: "--certificate-scopes", "what a client's certificate admits to")

    static let auth = [
        tokens.setting, clientAuthorities.setting, revocations.setting, certificateScopes.setting,
        allowAnonymous.setting,
    ]

    /// Bytes of payload memory.
    public static let memory = Key<Int>.bytes(
        "limits.memory", 64 << 20, in: (1 << 20)...Int.max, flag: "--memory",
        "memory for all uploads together; half of it at most goes to what compresses and decompresses them")
    /// Seconds.
    public static let uploadExpiry = Key<Double>.number(
        "limits.upload_expiry", 86_400, in: 1...31_536_000, unit: "seconds", flag: "--upload-expiry",
        "how long an upload in parts is kept that does not grow")
    /// Seconds.
    public static let maxWait = Key<Double>.number(
        "limits.max_wait", 60, in: 0...600, unit: "seconds", flag: "--max-wait",
        "how long a request may wait for a result or a command; less than what proxies in front allow")

    /// Requests a minute.
    public static let clientRequests = Key<Int?>.integer(
        "limits.client_requests_per_minute", in: 1...1_000_000_000, otherwise: "any number", flag: "--client-requests",
        "requests that one client may make a minute")
    /// Bytes an hour.
    public static let clientBytes = Key<Int?>.bytes(
        "limits.client_bytes_per_hour", otherwise: "any number", flag: "--client-bytes",
        "bytes of bodies that one client may send an hour")

    static let limits = [
        memory.setting, uploadExpiry.setting, maxWait.setting, clientRequests.setting, clientBytes.setting,
    ]

    /// The directory for everything.
    public static let data = Key<String>.text(
        "storage.data", "fedgate-data", as: "DIR", flag: "--data", "where the log, open rounds and results are kept")
    /// Rounds whose results are kept.
    public static let keepRounds = Key<Int>.integer(
        "storage.keep_rounds", .max, in: 1...Int.max, otherwise: "all", flag: "--keep-rounds",
        "rounds whose results are kept; older ones are answered with 410")
    /// Bytes of results that are kept.
    public static let keepBytes = Key<Int>.bytes(
        "storage.keep_bytes", .max, otherwise: "all", flag: "--keep-bytes", "bytes of results that are kept")

    static let storage = [data.setting, keepRounds.setting, keepBytes.setting]

    /// Whether an aggregator runs in the gateway's process.
    public static let hasAggregator = Key<Bool?>.toggle(
        "aggregation.enabled", otherwise: "yes on the embedded log", flag: "--aggregator",
        "run an aggregator in the gateway's process")
    /// Updates that close a round.
    public static let minUpdates = Key<Int>.integer(
        "aggregation.min_updates", 2, in: 1...1_000_000, flag: "--min-updates",
        "a round closes when so many clients have reported")
    /// Seconds.
    public static let roundDeadline = Key<Double?>.number(
        "aggregation.round_deadline", unit: "seconds", otherwise: "never", flag: "--round-deadline",
        "or so long after its first update")

    static let aggregation = [hasAggregator.setting, minUpdates.setting, roundDeadline.setting]

    /// Events below it are left out.
    public static let logLevel = Key<String>.choice(
        "log.level", "info", of: ["debug", "info", "warning", "error"], flag: "--log-level",
        "what is worth a line; read again on SIGHUP")
    /// How lines look.
    public static let logFormat = Key<String>.choice(
        "log.format", "text", of: ["text", "json"], flag: "--log-format", "of log lines")
    /// Whether requests get lines.
    public static let accessLog = Key<Bool>.toggle("log.access", true, flag: "--access-log", "a line for each request")

    static let log = [logLevel.setting, logFormat.setting, accessLog.setting]
}
