internal import Compression
internal import Telemetry
internal import WeightFormats

/// The operations of the gateway that the profiler knows; all of them are made at start, so that the road looks up only.
struct GatewayProfile: Sendable {
    let profiler: Profiler
    /// Content codings and multipart, undone while a body streams.
    let unwrap: ProfiledOperation
    /// Hashed, compressed and, under the JSON envelope, encoded into the record's memory.
    let pack: ProfiledOperation
    /// The message around the payload.
    let seal: ProfiledOperation
    /// A result written in another format.
    let convert: ProfiledOperation
    /// A result compressed for clients that accept it.
    let compressResult: ProfiledOperation
    private let decode: [String: ProfiledOperation]

    init(_ registry: MetricRegistry, compression: CompressionPolicy) {
        let profiler = Profiler(registry)
        self.profiler = profiler
        unwrap = profiler.operation("unwrap_body")
        pack = profiler.operation("pack_\(compression.name)", .serialization)
        seal = profiler.operation("seal_record", .serialization)
        convert = profiler.operation("write_result_format", .serialization)
        compressResult = profiler.operation("compress_result")
        let formats = WeightFormats.all.filter { $0.decoder != nil }.map(\.name)
        decode = Dictionary(
            formats.map { ($0, profiler.operation("decode_\($0)", .deserialization)) }
        ) { $1 }
    }

    func decode(_ format: String) -> ProfiledOperation? { decode[format] }
}

/// What one upload spent where, summed up over its pieces.
struct UploadProfile {
    /// Clocks are read between the stages of a piece: a lap ends one and begins the next.
    private var last = ContinuousClock.now
    private(set) var unwrapping = Duration.zero
    private(set) var decoding = Duration.zero
    private(set) var packing = Duration.zero
    private(set) var sealing = Duration.zero
    var decodedBytes = 0

    mutating func begin() { last = .now }
    mutating func unwrapped() { unwrapping += lap() }
    mutating func decoded() { decoding += lap() }
    mutating func packed() { packing += lap() }
    mutating func sealed() { sealing += lap() }

    private mutating func lap() -> Duration {
        let now = ContinuousClock.now
        defer { last = now }
        return now - last
    }

    /// An upload whose record is ready.
    func succeeded(_ profile: GatewayProfile, format: String, received: Int, unwrapped: Bool, stored: Int) {
        if unwrapped { profile.unwrap.succeeded(after: unwrapping, bytesIn: received, bytesOut: decodedBytes) }
        profile.decode(format)?.succeeded(after: decoding, bytesIn: decodedBytes)
        profile.pack.succeeded(after: packing, bytesIn: decodedBytes, bytesOut: stored)
        profile.seal.succeeded(after: sealing, bytesIn: stored)
    }
}
