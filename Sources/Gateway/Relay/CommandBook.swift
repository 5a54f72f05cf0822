internal import EventLog

/// The training commands that are kept in memory, in the order of the log.
///
/// It decides; it does no I/O.
struct CommandBook: Sendable {
    /// What is kept at most; the oldest ones go first.
    struct Limits: Sendable {
        var commands = 10_000
        var bytes = 16 << 20
    }

    /// A command, and the cursor behind it.
    struct Entry: Sendable {
        let message: SmallMessage
        fileprivate let turn: UInt64
    }

    /// Some commands behind a cursor.
    struct Page: Sendable {
        var commands: [(cursor: LogCursor, message: SmallMessage)] = []
        /// Behind all of them.
        var cursor: LogCursor
        /// Whether commands behind the given cursor are not kept any more.
        var isTruncated = false
    }

    private let limits: Limits
    private var entries: [Int32: [Entry]] = [:]
    private var ids: Set<String> = []
    /// The first command of each key, for as long as it is kept.
    private var byKey: [String: SmallMessage] = [:]
    private var turn: UInt64 = 0
    /// By partition, the last offset of which nothing is kept any more.
    private var dropped: [Int32: Int64] = [:]
    /// By partition, the next offset to be read.
    private var positions: [Int32: Int64] = [:]
    private(set) var bytes = 0

    init(_ limits: Limits = Limits()) { self.limits = limits }

    var count: Int { ids.count }

    /// The command that has the key.
    func command(by key: String) -> SmallMessage? { byKey[key] }

    /// Notes a command; one whose message id or key is there already does not count.
    ///
    /// Two gateways may have appended one command that was sent to both: all readers see the same one first.
    mutating func add(_ message: SmallMessage) {
        if let key = message.key?.name, byKey[key] != nil { return }
        guard ids.insert(message.messageID).inserted else { return }
        if let key = message.key?.name { byKey[key] = message }
        turn += 1
        entries[message.position.partition, default: []].append(Entry(message: message, turn: turn))
        bytes += message.weight
        if count > limits.commands || bytes > limits.bytes { dropOldest() }
    }

    /// Notes how far the log was read.
    mutating func advance(to positions: [Int32: Int64]) { self.positions.merge(positions) { max($0, $1) } }

    /// The commands behind a cursor, or those of them that fit a page.
    ///
    /// - Parameters:
    ///   - cursor: of any gateway; one that is ahead of what was read here finds nothing yet.
    ///   - mostCommands: of a page.
    ///   - mostBytes: of a page, but for a single command.
    func page(after cursor: LogCursor, mostCommands: Int = 1000, mostBytes: Int = 1 << 20) -> Page {
        var page = Page(cursor: cursor)
        page.isTruncated = dropped.contains { $1 > cursor[$0] }
        var candidates: [Entry] = []
        for (partition, entries) in entries {
            let first = Self.firstIndex(in: entries, after: cursor[partition])
            candidates.append(contentsOf: entries[first...].prefix(mostCommands + 1))
        }
        if entries.count > 1 { candidates.sort { $0.turn < $1.turn } }
        var size = 0
        for entry in candidates {
            size += entry.message.weight
            guard page.commands.count < mostCommands, size <= mostBytes || page.commands.isEmpty else { return page }
            page.cursor.pass(entry.message.position.partition, entry.message.position.offset)
            page.commands.append((page.cursor, entry.message))
        }
        // Nothing is left: what was read and is no command lies behind it as well.
        for (partition, next) in positions where next > 0 { page.cursor.pass(partition, next - 1) }
        return page
    }

    private static func firstIndex(in entries: [Entry], after offset: Int64) -> Int {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].message.position.offset <= offset { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// An eighth more than has to go, so that it is rare.
    private mutating func dropOldest() {
        let all = entries.values.joined().sorted { $0.turn < $1.turn }
        var gone: Set<UInt64> = []
        for entry in all.dropLast() where count > limits.commands / 8 * 7 || bytes > limits.bytes / 8 * 7 {
            gone.insert(entry.turn)
            let position = entry.message.position
            dropped[position.partition] = max(dropped[position.partition] ?? -1, position.offset)
            ids.remove(entry.message.messageID)
            if let key = entry.message.key?.name { byKey[key] = nil }
            bytes -= entry.message.weight
        }
        for partition in entries.keys { entries[partition]?.removeAll { gone.contains($0.turn) } }
    }
}
