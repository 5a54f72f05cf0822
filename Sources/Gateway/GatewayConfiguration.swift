public import Compression
public import Envelopes

/// How updates are written to the log.
public struct UploadForm: Sendable, Hashable {
    /// The envelope around them.
    public var envelope: EnvelopeKind
    /// The compression inside their packages.
    public var compression: CompressionPolicy

    /// A form.
    ///
    /// - Parameters:
    ///   - envelope: around them.
    ///   - compression: inside their packages.
    public init(envelope: EnvelopeKind, compression: CompressionPolicy) {
        self.envelope = envelope
        self.compression = compression
    }
}

/// How the gateway works.
public struct GatewayConfiguration: Sendable {
    /// Holds the results; made when it is missing.
    public var directory: String
    /// How updates are written to the log.
    public var uploads: UploadForm
    /// The aggregator's `min_updates`, for what `/rounds/{n}` says is missing.
    public var minUpdates: Int
    /// The aggregator's deadline in seconds, for what `/rounds/{n}` says.
    public var roundDeadline: Double?
    /// Bytes of the largest body.
    public var maxBody: Int
    /// Bytes of all arrays of the largest update, stored densely.
    public var maxDecodedBytes: Int
    /// Bytes of the largest record that the topic of updates admits.
    public var maxRecordBytes: Int
    /// Bytes of payload memory for all uploads together.
    public var memory: Int
    /// Bytes of a chunk of updates that are too large for one record.
    public var chunkSize = 1 << 20
    /// Bytes of one upload that may be on their way to the log at one time.
    public var uploadWindow = 8 << 20
    /// Bounds on results whose commit record has not come.
    public var unfinished = ChunkSpool.Limits()
    /// Rounds whose results are kept; older ones are answered with 410.
    public var keepRounds = Int.max
    /// Bytes of results that are kept, coded copies included.
    public var keepBytes = Int.max
    /// Content codings in which results can be had; copies are made when a client first asks for one.
    public var contentCodings = ContentCoding.allCases
    /// How long an upload in parts is kept to which nothing is appended.
    public var uploadExpiry: Duration = .seconds(24 * 3600)
    /// How long a request waits at most for a result or a command, in seconds.
    public var maxWait = 60.0
    /// How often a small message is appended again that the log did not take.
    public var maxRetries = 3
    /// Who comes in.
    public var door = DoorConfiguration()
    /// The program's, as the status page shows it.
    public var version = ""
    /// Whether each request gets its line in the log.
    public var accessLog = true
    /// How long an upload waits for memory before it is sent away.
    ///
    /// Longer than the server takes to notice that a client is gone, so that its memory comes back before.
    public var admissionPatience: Duration = .seconds(20)

    /// A configuration.
    ///
    /// - Parameters:
    ///   - directory: for the results.
    ///   - uploads: how updates are written.
    ///   - minUpdates: of the aggregator.
    ///   - roundDeadline: of the aggregator, in seconds.
    ///   - maxBody: bytes of the largest body.
    ///   - maxDecodedBytes: of the largest update.
    ///   - maxRecordBytes: that the topic of updates admits.
    ///   - memory: bytes for all uploads together.
    public init(
        directory: String, uploads: UploadForm, minUpdates: Int, roundDeadline: Double?, maxBody: Int,
        maxDecodedBytes: Int, maxRecordBytes: Int, memory: Int
    ) {
        self.directory = directory
        self.uploads = uploads
        self.minUpdates = minUpdates
        self.roundDeadline = roundDeadline
        self.maxBody = maxBody
        self.maxDecodedBytes = maxDecodedBytes
        self.maxRecordBytes = maxRecordBytes
        self.memory = memory
    }
}
