internal import Certificates
internal import Compression
internal import Configuration
internal import Credentials
internal import Flags
internal import Gateway

/// What `serve` was told.
struct ServeSettings: Sendable {
    let host: String
    let port: UInt16
    let privateAddress: (host: String, port: UInt16)?
    let tls: TLSFiles?
    let tokensFile: String?
    let door: DoorConfiguration
    let data: String
    let log: LogSettings
    let rounds: RoundSettings
    let maxBody: Int
    let memory: Int
    let uploadExpiry: Double
    let maxWait: Double
    let keepRounds: Int
    let keepBytes: Int
    let contentCodings: [ContentCoding]
    let hasAggregator: Bool
    let maxRetries: Int
    let lines: LogLines
    let drain: Drain

    init(_ settings: Settings) throws(UsageFailure) {
        (host, port) = try Self.address(settings[Catalogue.listen], "--listen")
        privateAddress = try Self.privateAddress(settings)
        tls = ListenerTLS.files(settings)
        tokensFile = settings[Catalogue.tokens]
        door = try Self.door(settings, listensBeyond: host)
        data = settings[Catalogue.data]
        log = LogSettings(settings)
        rounds = RoundSettings(settings)
        maxBody = settings[Catalogue.maxBody]
        memory = settings[Catalogue.memory]
        try Self.check(log.compression, within: memory)
        uploadExpiry = settings[Catalogue.uploadExpiry]
        maxWait = settings[Catalogue.maxWait]
        keepRounds = settings[Catalogue.keepRounds]
        keepBytes = settings[Catalogue.keepBytes]
        contentCodings = settings[Catalogue.contentCodings].compactMap { ContentCoding(rawValue: $0) }
        hasAggregator = settings[Catalogue.hasAggregator] ?? (log.kafka == nil)
        maxRetries = settings[Catalogue.maxRetries]
        lines = LogLines(settings)
        drain = Drain(settings)
    }

    /// What compresses updates shares half of the memory; a single one has to fit, or none would ever be taken.
    private static func check(_ compression: CompressionPolicy, within memory: Int) throws(UsageFailure) {
        let needed = PayloadCompressor.memory(compression, payload: .max)
        guard needed <= memory / 2 else {
            throw UsageFailure(
                "compressing an update by \(compression.name) as set takes \(needed) bytes, and those share half of --memory "
                    + "(\(memory) bytes): give it \(2 * needed) at least, or choose a lower level")
        }
    }

    /// Who comes in; a listener that others reach has to ask who they are.
    private static func door(_ settings: Settings, listensBeyond host: String) throws(UsageFailure) -> DoorConfiguration
    {
        var door = DoorConfiguration()
        door.hasPrivateListener = settings[Catalogue.privateListen] != nil
        door.requestsPerMinute = settings[Catalogue.clientRequests]
        door.bytesPerHour = settings[Catalogue.clientBytes]
        door.corsOrigins = settings[Catalogue.corsOrigins]
        door.certificateScopes = try ListenerTLS.scopes(settings)
        if let path = settings[Catalogue.tokens] {
            do throws(CredentialFailure) { door.tokens = TokenTable(try TokenFile(path).grants) } catch {
                throw UsageFailure("\(error): `fedgate token create --tokens \(path)` makes one")
            }
        }
        guard door.tokens == nil, door.certificateScopes == nil else { return door }
        guard isOnThisMachine(host) || settings[Catalogue.allowAnonymous] else {
            throw UsageFailure(
                """
                --listen \(host) is reached from other machines, and nobody would have to show who they are: give --tokens FILE \
                (fedgate token create makes it) or --client-ca FILE, listen on 127.0.0.1 behind a proxy that checks \
                clients, or say --allow-anonymous
                """)
        }
        return door
    }

    /// Whether only this machine reaches it.
    private static func isOnThisMachine(_ host: String) -> Bool {
        host == "::1" || host == "localhost" || host.hasPrefix("127.")
    }

    /// Whether tokens would travel where others can read them.
    var showsTokens: Bool { tokensFile != nil && tls == nil && !Self.isOnThisMachine(host) }

    /// Where operators ask, a gateway or an aggregator.
    static func privateAddress(_ settings: Settings) throws(UsageFailure) -> (host: String, port: UInt16)? {
        guard let text = settings[Catalogue.privateListen] else { return nil }
        return try address(text, "--private-listen")
    }

    /// `host:port` or `[IPv6]:port`.
    private static func address(_ text: String, _ flag: String) throws(UsageFailure) -> (String, UInt16) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            throw UsageFailure("\(flag) has to be HOST:PORT such as 127.0.0.1:8080, not \(text)")
        }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        return (host == "localhost" ? "127.0.0.1" : host, port)
    }
}
