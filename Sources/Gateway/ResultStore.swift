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
        var results: [Int64: StoredResult] = [:] { didSet { changes += 1 } }
        /// Rounds beyond the retention of which the disk does not know yet that they are.
        var doomed: Set<Int64> = []
        /// Open files, by name, since the same few results are asked for again and again.
        var slices: [String: FileSlice] = [:]
        var latest: Int64? { didSet { changes += 1 } }
        /// How often one of them changed.
        private(set) var changes = 0
        /// Who waits, by the round waited for, nil standing for whichever comes; within it by the order of coming.
        var watchers: [Int64?: [UInt64: any ResultWatcher]] = [:]
        var nextWatcher: UInt64 = 0
    }

    /// Where a watcher stands, so that it can be dropped.
    struct Place: Sendable {
        fileprivate let round: Int64?
        fileprivate let number: UInt64
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

    /// Another number whenever anything about any result is another.
    var changes: Int { state.withLock { $0.changes } }

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

    /// Tells a watcher of what comes.
    ///
    /// - Parameters:
    ///   - round: whose result; nil for each that comes.
    ///   - watcher: retained until it has what it wants, or is dropped.
    func watch(_ round: Int64?, _ watcher: any ResultWatcher) -> Place {
        state.withLock { state in
            state.nextWatcher += 1
            state.watchers[round, default: [:]][state.nextWatcher] = watcher
            return Place(round: round, number: state.nextWatcher)
        }
    }

    /// Drops a watcher; does nothing when it had its result.
    func unwatch(_ place: Place) {
        state.withLock { state in
            guard state.watchers[place.round]?.removeValue(forKey: place.number) != nil else { return }
            if state.watchers[place.round]?.isEmpty == true { state.watchers[place.round] = nil }
        }
    }

    /// Tells all watchers that nothing more is going to come.
    func dismissWatchers() {
        for watchers in state.withLock({ Array($0.watchers.values) }) {
            for watcher in watchers.values { watcher.giveUp() }
        }
    }

    var watchers: Int { state.withLock { $0.watchers.values.reduce(0) { $0 + $1.count } } }

    /// Stores a result and answers those who wait for it.
    ///
    /// - Parameter read: hands over its bytes, in order.
    func add(
        _ result: StoredResult, reading read: (@escaping (UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws {
        let temporary = directory.file(Self.weights(result.round) + ".tmp")
        // Half a file on a full disk helps nobody.
        defer { File.remove(temporary) }
        let file = try File(creating: temporary)
        var written = 0
        try read { piece in
            try file.write(piece, at: written)
            written += piece.count
        }
        try complete(result, file, from: temporary)
    }

    /// Stores a result that came in chunks and is in its file already.
    func add(_ result: StoredResult, _ payload: AssembledPayload) throws {
        let temporary = directory.file(Self.weights(result.round) + ".tmp")
        try payload.keep(as: temporary)
        try complete(result, File(reading: temporary), from: temporary)
    }

    /// Answers who waits, then brings the result to the disk; there it is once its sidecar is.
    ///
    /// The log has it, so nobody needs to wait for the disk. What the disk does not take stays answerable as unsynced,
    /// and is read from the log again. Until it is there, no older round goes for it.
    private func complete(_ result: StoredResult, _ file: borrowing File, from temporary: String) throws {
        try File.move(temporary, to: directory.file(Self.weights(result.round)))
        try writing.withLock { _ in
            let isNew = state.withLock { state in
                // An open one is the file of the attempt before.
                state.slices[Self.weights(result.round)] = nil
                guard state.results[result.round] == nil else { return false }
                var result = result
                result.isUnsynced = true
                Self.note(result, &state)
                return true
            }
            if isNew { answer(Arrival(result)) }
            try file.sync()
            try directory.sync()
            guard var synced = self[result.round] else { return }
            synced.isUnsynced = false
            try writeSidecar(synced)
            state.withLock { state in
                Self.note(synced, &state)
                retention.apply(&state, arrived: synced.round)
            }
        }
        bury()
    }

    private func answer(_ arrival: Arrival) {
        let (those, others) = state.withLock { state in
            (state.watchers.removeValue(forKey: arrival.result.round) ?? [:], state.watchers[nil] ?? [:])
        }
        // Outside the lock, since they reply; in their order, which is that of the server's lists.
        for number in those.keys.sorted() { _ = those[number]?.arrived(arrival) }
        for number in others.keys.sorted() where others[number]?.arrived(arrival) == true {
            unwatch(Place(round: nil, number: number))
        }
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
