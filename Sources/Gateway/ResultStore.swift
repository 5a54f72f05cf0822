internal import Digests
internal import Envelopes
internal import Files
internal import MicroHTTP
internal import Synchronization
internal import WeightFormats
internal import WireJSON

/// The results that this gateway has, on disk and indexed in memory: a copy of the log that can be made again from it.
///
/// A result is there once its sidecar is: weights first, then the sidecar, each written aside, synced and renamed.
///
/// Thread: any for reading; `add` and `clear` are the follower's alone, `addCopy` is that of who compresses.
final class ResultStore: Sendable {
    struct State {
        var results: [Int64: StoredResult] = [:]
        /// Rounds beyond the retention of which the disk does not know yet that they are.
        var doomed: Set<Int64> = []
        /// Open files, by name, since the same few results are asked for again and again.
        var slices: [String: FileSlice] = [:]
        var latest: Int64?
        var watchers: [UInt64: @Sendable (StoredResult) -> Bool] = [:]
        var nextWatcher: UInt64 = 0
    }

    private static let mostOpen = 64

    let directory: Directory
    let retention: Retention
    let state = Mutex(State())
    /// Held while a sidecar and what it speaks of change on disk.
    let writing = Mutex(())

    /// Opens the spool and takes what is complete in it.
    init(_ path: String, _ retention: Retention) throws(FileFailure) {
        self.retention = retention
        directory = try Directory(making: path)
        let names = try directory.names
        var found: [StoredResult] = []
        for name in names where name.hasSuffix(".json") {
            guard let result = Self.read(directory.file(name)), name == Self.sidecar(result.round) else { continue }
            guard result.isExpired || names.contains(Self.weights(result.round)) else { continue }
            found.append(result)
        }
        let there = Set(names)
        for index in found.indices {
            let round = found[index].round
            found[index].copies = found[index].copies.filter { there.contains(Self.copy(round, $0.key)) }
            found[index].forms = found[index].forms.filter { there.contains(Self.form(round, $0.key)) }
        }
        let files = found.filter { !$0.isExpired }.flatMap(Self.files)
        let kept = Set(found.map { Self.sidecar($0.round) } + files + ["log"])
        for name in names where !kept.contains(name) { try directory.remove(name) }
        state.withLock { state in
            for result in found { Self.note(result, &state) }
            retention.apply(&state, arrived: nil)
        }
        bury()
    }

    /// All results, by round.
    var all: [Int64: StoredResult] { state.withLock { $0.results } }

    /// A round's result.
    subscript(round: Int64) -> StoredResult? { state.withLock { $0.results[round] } }

    /// The result of the largest round that has one.
    var latest: StoredResult? { state.withLock { state in state.latest.flatMap { state.results[$0] } } }

    /// The bytes of one of a result's representations; nil when they cannot be opened.
    func slice(of result: StoredResult, _ representation: Representation) -> FileSlice? {
        let name =
            representation.coding.map { Self.copy(result.round, $0) } ?? Self.form(result.round, representation.format)
        if let slice = state.withLock({ $0.slices[name] }) { return slice }
        guard let slice = FileSlice(path: directory.file(name), count: representation.size) else { return nil }
        state.withLock { state in
            if state.slices.count >= Self.mostOpen { state.slices.removeAll() }
            let now = state.results[result.round]
            if now?.messageID == result.messageID, now?.isExpired == false { state.slices[name] = slice }
        }
        return slice
    }

    /// Calls `body` with each result that comes from now on, until it says that it has what it wants.
    ///
    /// - Parameter body: on the follower's thread; must not block.
    /// - Returns: the name under which it can be dropped.
    func watch(_ body: @escaping @Sendable (StoredResult) -> Bool) -> UInt64 {
        state.withLock { state in
            state.nextWatcher += 1
            state.watchers[state.nextWatcher] = body
            return state.nextWatcher
        }
    }

    /// Drops a watcher; does nothing when it had its result.
    func unwatch(_ watcher: UInt64) { state.withLock { _ = $0.watchers.removeValue(forKey: watcher) } }

    var watchers: Int { state.withLock { $0.watchers.count } }

    /// Stores a result and answers those who wait for it.
    ///
    /// - Parameter read: hands over its bytes, in order.
    func add(
        _ result: StoredResult, reading read: (@escaping (UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws {
        let name = Self.weights(result.round)
        let temporary = name + ".tmp"
        let file = try File(creating: directory.file(temporary))
        var written = 0
        try read { piece in
            try file.write(piece, at: written)
            written += piece.count
        }
        try file.sync()
        try directory.rename(temporary, to: name)
        try complete(result)
    }

    /// Stores a result that came in chunks and is in its file already.
    func add(_ result: StoredResult, _ payload: AssembledPayload) throws {
        let name = Self.weights(result.round)
        let temporary = name + ".tmp"
        try payload.keep(as: directory.file(temporary))
        try File(reading: directory.file(temporary)).sync()
        try directory.rename(temporary, to: name)
        try complete(result)
    }

    /// Writes the sidecar, with which the result is there.
    private func complete(_ result: StoredResult) throws {
        try writing.withLock { _ in try writeSidecar(result) }
        let watchers = state.withLock { state in
            Self.note(result, &state)
            retention.apply(&state, arrived: result.round)
            return state.watchers
        }
        defer { bury() }
        // Outside the lock, since they reply.
        var satisfied: [UInt64] = []
        for (name, watcher) in watchers where watcher(result) { satisfied.append(name) }
        state.withLock { state in for name in satisfied { state.watchers[name] = nil } }
    }

    func writeSidecar(_ result: StoredResult) throws {
        try result.json.encoded().withUnsafeBytes { try write($0, as: Self.sidecar(result.round)) }
    }

    /// The identity of the log that the results came from; nil when there is none yet.
    var logIdentity: String? {
        get throws {
            guard let file = try? File(reading: directory.file("log")) else { return nil }
            return try file.withMapping { String(decoding: $0, as: UTF8.self) }
        }
    }

    /// Drops everything and begins a copy of another log.
    func clear(for identity: String) throws {
        state.withLock { state in
            state.results = [:]
            state.doomed = []
            state.slices = [:]
            state.latest = nil
        }
        try writing.withLock { _ in
            for name in try directory.names { try directory.remove(name) }
            try Array(identity.utf8).withUnsafeBytes { try write($0, as: "log") }
        }
    }

    private func write(_ bytes: UnsafeRawBufferPointer, as name: String) throws(FileFailure) {
        let temporary = name + ".tmp"
        let file = try File(creating: directory.file(temporary))
        try file.write(bytes, at: 0)
        try file.sync()
        try directory.rename(temporary, to: name)
    }

    private static func note(_ result: StoredResult, _ state: inout State) {
        state.results[result.round] = result
        if !result.isExpired { state.latest = max(state.latest ?? 0, result.round) }
    }

    private static func read(_ path: String) -> StoredResult? {
        guard let file = try? File(reading: path) else { return nil }
        return try? file.withMapping { StoredResult(try JSONValue(parsing: $0)) } ?? nil
    }

    private static func sidecar(_ round: Int64) -> String { "round-\(round).json" }
    static func weights(_ round: Int64) -> String { "round-\(round).fedwt" }
    /// - Parameter format: a name of the registry's.
    static func form(_ round: Int64, _ format: String) -> String {
        guard format != WeightFormats.standard.name else { return weights(round) }
        return weights(round) + (WeightFormats.named(format)?.suffix ?? ".unknown")
    }
    /// All files with bytes of a result.
    static func files(_ result: StoredResult) -> [String] {
        [weights(result.round)] + result.copies.keys.map { copy(result.round, $0) }
            + result.forms.keys.map { form(result.round, $0) }
    }
    static func copy(_ round: Int64, _ coding: ContentCoding) -> String { weights(round) + coding.suffix }
}
