internal import Digests
internal import Envelopes
internal import Files
internal import MicroHTTP
internal import Synchronization
internal import WireJSON

/// The results that this gateway has, on disk and indexed in memory: a copy of the log that can be made again from it.
///
/// A result is there once its sidecar is: weights first, then the sidecar, each written aside, synced and renamed.
///
/// Thread: any for reading; `add` and `clear` are the follower's alone.
final class ResultStore: Sendable {
    private struct State {
        var results: [Int64: StoredResult] = [:]
        /// Open files, since the same few results are asked for again and again.
        var slices: [Int64: FileSlice] = [:]
        var latest: Int64?
        var watchers: [UInt64: @Sendable (StoredResult) -> Bool] = [:]
        var nextWatcher: UInt64 = 0
    }

    /// How much is kept; the newest result always is.
    struct Retention: Sendable {
        var rounds = Int.max
        var bytes = Int.max
    }

    private static let mostOpen = 64

    private let directory: Directory
    private let retention: Retention
    private let state = Mutex(State())

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
        let weights = found.filter { !$0.isExpired }.map { Self.weights($0.round) }
        let kept = Set(found.map { Self.sidecar($0.round) } + weights + ["log"])
        for name in names where !kept.contains(name) { try directory.remove(name) }
        state.withLock { state in
            for result in found { Self.note(result, &state) }
        }
    }

    /// All results, by round.
    var all: [Int64: StoredResult] { state.withLock { $0.results } }

    /// A round's result.
    subscript(round: Int64) -> StoredResult? { state.withLock { $0.results[round] } }

    /// The result of the largest round that has one.
    var latest: StoredResult? { state.withLock { state in state.latest.flatMap { state.results[$0] } } }

    /// A result's weights, FEDWT001; nil when they cannot be opened.
    func slice(of result: StoredResult) -> FileSlice? {
        if let slice = state.withLock({ $0.slices[result.round] }) { return slice }
        guard let slice = FileSlice(path: directory.file(Self.weights(result.round)), count: result.size) else {
            return nil
        }
        state.withLock { state in
            if state.slices.count >= Self.mostOpen { state.slices.removeAll() }
            if state.results[result.round]?.isExpired == false { state.slices[result.round] = slice }
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
    func add(_ result: StoredResult, _ payload: UnsafeRawBufferPointer) throws {
        try write(payload, as: Self.weights(result.round))
        try complete(result)
    }

    /// Stores a result that came in chunks; what is not compressed is not copied.
    func add(_ result: StoredResult, _ payload: AssembledPayload) throws {
        let name = Self.weights(result.round)
        let temporary = name + ".tmp"
        if payload.isPlain {
            try payload.keep(as: directory.file(temporary))
            try File(reading: directory.file(temporary)).sync()
        } else {
            let file = try File(creating: directory.file(temporary))
            var written = 0
            try payload.read { piece in
                try file.write(piece, at: written)
                written += piece.count
            }
            try file.sync()
        }
        try directory.rename(temporary, to: name)
        try complete(result)
    }

    /// Writes the sidecar, with which the result is there.
    private func complete(_ result: StoredResult) throws {
        try writeSidecar(result)
        defer { expire(keeping: result.round) }
        let watchers = state.withLock { state in
            Self.note(result, &state)
            return state.watchers
        }
        // Outside the lock, since they reply.
        var satisfied: [UInt64] = []
        for (name, watcher) in watchers where watcher(result) { satisfied.append(name) }
        state.withLock { state in for name in satisfied { state.watchers[name] = nil } }
    }

    private func writeSidecar(_ result: StoredResult) throws {
        try result.json.encoded().withUnsafeBytes { try write($0, as: Self.sidecar(result.round)) }
    }

    /// Lets go of the lowest rounds' bytes beyond the retention; that they were there stays known.
    private func expire(keeping newest: Int64) {
        let kept = all.values.filter { !$0.isExpired }.sorted { $0.round < $1.round }
        var (rounds, bytes) = (kept.count, kept.reduce(0) { $0 + $1.size })
        for var result in kept where result.round != newest && (rounds > retention.rounds || bytes > retention.bytes) {
            result.isExpired = true
            guard (try? writeSidecar(result)) != nil else { return }
            state.withLock { state in
                state.results[result.round] = result
                state.slices[result.round] = nil
                if state.latest == result.round {
                    state.latest = state.results.values.filter { !$0.isExpired }.map(\.round).max()
                }
            }
            File.remove(directory.file(Self.weights(result.round)))
            rounds -= 1
            bytes -= result.size
        }
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
        for name in try directory.names { try directory.remove(name) }
        state.withLock { state in
            state.results = [:]
            state.slices = [:]
            state.latest = nil
        }
        try Array(identity.utf8).withUnsafeBytes { try write($0, as: "log") }
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
    private static func weights(_ round: Int64) -> String { "round-\(round).fedwt" }
}
