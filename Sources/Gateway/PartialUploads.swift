internal import Files
internal import Synchronization
internal import Telemetry
internal import Threads
internal import WireJSON

/// The bodies that come in parts, on disk, until they are complete or too old.
///
/// They survive the end of the process, but not of the machine: what it had in memory then is lost, and nobody could tell.
///
/// Thread: any.
final class PartialUploads: Sendable {
    struct Limits: Sendable {
        /// Bytes of all that are not stored yet together.
        var maxBytes = 64 << 30
        /// One to which nothing was appended for so long is dropped.
        var maxAge: Duration = .seconds(24 * 3600)
    }

    /// What one that is not stored counts at least: an empty one is two files, too.
    static let leastCounted = 1 << 20

    private let directory: Directory
    private let limits: Limits
    private let boot: String
    private let logger: Logger
    private let uploads = Mutex<[String: PartialUpload]>([:])
    private let timer = Mutex<Threads.Timer?>(nil)

    init(_ path: String, _ limits: Limits, _ logger: Logger) throws(FileFailure) {
        directory = try Directory(making: path)
        self.limits = limits
        self.logger = logger
        boot = Self.text("/proc/sys/kernel/random/boot_id") ?? "unknown"
        var found: [String: PartialUpload] = [:]
        for name in try directory.names where name.hasSuffix(".json") {
            let id = String(name.dropLast(5))
            if let upload = read(id) { found[id] = upload }
        }
        let kept = Set(found.keys.flatMap { [$0 + ".json", $0 + ".part"] })
        for name in try directory.names where !kept.contains(name) { try directory.remove(name) }
        uploads.withLock { $0 = found }
    }

    var count: Int { uploads.withLock { $0.count } }
    /// Bytes on the disk.
    var bytes: Int { bytes(each: 0) }
    var maxAge: Duration { limits.maxAge }

    subscript(id: String) -> PartialUpload? { uploads.withLock { $0[id] } }

    /// Begins a body.
    func create(_ request: UploadRequest, length: Int?) throws(Failure) -> PartialUpload {
        guard bytes(each: Self.leastCounted) < limits.maxBytes else {
            throw Failure(.busy, "unfinished uploads fill their room on the disk")
        }
        var random = SystemRandomNumberGenerator()
        let id = (0..<2).map { _ in
            let digits = String(random.next() as UInt64, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
        do {
            let path = directory.file(id + ".part")
            _ = try File(creating: path)
            let upload = PartialUpload(id, request, length: length, path, offset: 0)
            try write(upload, nil)
            uploads.withLock { $0[id] = upload }
            return upload
        } catch { throw Self.failure(error) }
    }

    /// Notes that it is on the log: the receipt stays for who did not hear of it, the body goes.
    func stored(_ upload: PartialUpload, _ receipt: Receipt) {
        upload.enter(.stored(receipt))
        do {
            try write(upload, receipt)
            try File(appending: upload.path).resize(to: 0)
        } catch { logger.warning("an upload's receipt cannot be kept", [("reason", String(describing: error))]) }
    }

    func remove(_ upload: PartialUpload) {
        upload.enter(.gone)
        uploads.withLock { $0[upload.id] = nil }
        for name in [upload.id + ".json", upload.id + ".part"] { File.remove(directory.file(name)) }
    }

    /// Drops what is too old, now and again and again.
    func keepExpiring(_ timers: TimerQueue) {
        let now = ContinuousClock.now
        let old = uploads.withLock { $0.values.filter { now - $0.now.touched > limits.maxAge } }
        for upload in old {
            if case .storing = upload.now.phase { continue }
            remove(upload)
        }
        let next = timers.schedule(after: min(limits.maxAge / 4, .seconds(60))) { [weak self] in
            self?.keepExpiring(timers)
        }
        timer.withLock { $0 = next }
    }

    static let unknown = Failure(
        .uploadUnknown, "there is no such upload: it was never begun, was dropped or is too old")

    static func failure(_ error: any Error) -> Failure {
        guard let failure = error as? FileFailure else { return Failure(.internalError, String(describing: error)) }
        return Failure(failure.isFull ? .busy : .internalError, failure.isFull ? "the disk is full" : "\(failure)")
    }

    /// Of one that is stored nothing is left but the receipt; each other one counts so much at least.
    private func bytes(each least: Int) -> Int {
        uploads.withLock { uploads in
            uploads.values.reduce(0) { sum, upload in
                let state = upload.now
                if case .stored = state.phase { return sum }
                return sum + max(state.offset, least)
            }
        }
    }

    private func write(_ upload: PartialUpload, _ receipt: Receipt?) throws {
        let sidecar = JSONValue.object([
            "boot": .string(boot), "request": upload.request.json,
            "length": upload.length.map { .integer(Int64($0)) } ?? .null, "receipt": receipt?.value ?? .null,
            "size": .integer(Int64(receipt == nil ? 0 : upload.now.offset)),
        ])
        let temporary = upload.id + ".tmp"
        let file = try File(creating: directory.file(temporary))
        try sidecar.encoded().withUnsafeBytes { try file.write($0, at: 0) }
        try directory.rename(temporary, to: upload.id + ".json")
    }

    private func read(_ id: String) -> PartialUpload? {
        guard let file = try? File(reading: directory.file(id + ".json")),
            let members = (try? file.withMapping { try JSONValue(parsing: $0) })?.objectValue,
            members["boot"]?.stringValue == boot, let request = members["request"].flatMap({ UploadRequest($0) }),
            let size = try? File(reading: directory.file(id + ".part")).size
        else { return nil }
        let path = directory.file(id + ".part")
        let length = members["length"]?.integerValue.map { Int(clamping: $0) }
        guard let receipt = members["receipt"].flatMap({ Receipt($0) }) else {
            return PartialUpload(id, request, length: length, path, offset: size)
        }
        let whole = members["size"]?.integerValue.map { Int(clamping: $0) } ?? 0
        let upload = PartialUpload(id, request, length: length, path, offset: whole)
        upload.enter(.stored(receipt))
        return upload
    }

    private static func text(_ path: String) -> String? {
        guard let file = try? File(reading: path) else { return nil }
        var bytes = [UInt8](repeating: 0, count: 36)
        guard (try? bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }) != nil else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}
