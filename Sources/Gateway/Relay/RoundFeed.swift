internal import Aggregation
internal import Synchronization
internal import Threads
internal import WireJSON
internal import WireTime

/// Notices what changes about rounds, while somebody listens.
///
/// Only then are updates of other gateways read as they come: one who always did would do its work twice.
///
/// A change's number is the millisecond in which it was noticed, times 4096, plus a tag of the process: ascending, and understood by
/// every gateway. Another one's number means a time, and a minute before it is begun again, since its clock may differ and it may have read
/// further; to see a state twice does no harm.
///
/// Thread: any.
final class RoundFeed: Sendable {
    private struct Entry {
        /// Milliseconds; larger than those of all earlier changes.
        var version: Int64
        /// What tells a state from another one: the text of an open round, the message id of a closed one.
        var signature: [UInt8]
        var isOpen: Bool
    }

    private struct State {
        var entries: [Int64: Entry] = [:]
        /// Changes in their order; a round's earlier ones are passed over.
        var order: [(version: Int64, round: Int64)] = []
        var last: Int64 = 0
        var isReading = false
    }

    private static let period: Duration = .milliseconds(500)
    private static let slack: Int64 = 60_000

    let listeners = Listeners()
    private let store: ResultStore
    private let board: RoundBoard
    private let configuration: GatewayConfiguration
    private let tag = Int64.random(in: 0..<4096)
    private let state = Mutex(State())

    init(_ store: ResultStore, _ board: RoundBoard, _ configuration: GatewayConfiguration) {
        self.store = store
        self.board = board
        self.configuration = configuration
    }

    /// Whether anything is known of a round.
    func knows(_ round: Int64) -> Bool { state.withLock { $0.entries[round] != nil } }

    /// The millisecond behind which a client goes on that has seen this number.
    func place(of number: Int64) -> Int64 { number % 4096 == tag ? number / 4096 : number / 4096 - Self.slack }

    /// The next changes behind a place, each round once.
    ///
    /// - Parameters:
    ///   - place: milliseconds.
    ///   - only: the one round that is of interest.
    ///   - most: how many.
    /// - Returns: the events, and the place behind them.
    func events(after place: Int64, of only: Int64?, most: Int) -> (events: [ServerEvent], place: Int64) {
        let found = state.withLock { state -> [(version: Int64, round: Int64, text: [UInt8]?)] in
            if let only {
                guard let entry = state.entries[only], entry.version > place else { return [] }
                return [(entry.version, only, entry.isOpen ? entry.signature : nil)]
            }
            var (low, high) = (0, state.order.count)
            while low < high {
                let middle = (low + high) / 2
                if state.order[middle].version <= place { low = middle + 1 } else { high = middle }
            }
            var found: [(version: Int64, round: Int64, text: [UInt8]?)] = []
            for (version, round) in state.order[low...] {
                guard found.count < most else { break }
                guard let entry = state.entries[round], entry.version == version else { continue }
                found.append((version, round, entry.isOpen ? entry.signature : nil))
            }
            return found
        }
        let events = found.compactMap { version, round, text -> ServerEvent? in
            guard let data = text ?? store[round].flatMap({ Self.text(RoundRoutes.members(closed: $0)) }) else {
                return nil
            }
            return ServerEvent(id: String(version * 4096 + tag), name: "round", data: data)
        }
        return (events, found.last?.version ?? place)
    }

    /// Compares with what was known, and tells the listeners of changes.
    func refresh(_ open: [Int64: UpdateIndex.Round]) {
        let closed = store.all
        var found: [Int64: (signature: [UInt8], isOpen: Bool)] = [:]
        for (number, result) in closed {
            found[number] = (Array((result.messageID + (result.isExpired ? "-" : "+")).utf8), false)
        }
        for (number, round) in open where closed[number] == nil {
            found[number] = (Self.text(RoundRoutes.members(number, open: round, configuration, board)), true)
        }
        let now = Int64(Timestamp.now() * 1000)
        let isNews = state.withLock { state in
            var isNews = false
            for (number, round) in found.sorted(by: { $0.key < $1.key })
            where state.entries[number]?.signature != round.signature {
                state.last = max(now, state.last + 1)
                state.entries[number] = Entry(version: state.last, signature: round.signature, isOpen: round.isOpen)
                state.order.append((state.last, number))
                isNews = true
            }
            for number in state.entries.keys where found[number] == nil { state.entries[number] = nil }
            if state.order.count > 2 * state.entries.count + 64 {
                state.order.removeAll { change in state.entries[change.round]?.version != change.version }
            }
            return isNews
        }
        if isNews { listeners.wake() }
    }

    /// Goes on reading for as long as there are listeners.
    func keepReading(_ updates: UpdateReader, _ timers: TimerQueue) {
        let begins = state.withLock { state in
            defer { state.isReading = true }
            return !state.isReading
        }
        if begins { schedule(updates, timers) }
    }

    private func schedule(_ updates: UpdateReader, _ timers: TimerQueue) {
        _ = timers.schedule(after: Self.period) { [self] in
            guard listeners.count > 0 else { return state.withLock { $0.isReading = false } }
            updates.catchUp { [self] _ in
                refresh(updates.openRounds)
                schedule(updates, timers)
            }
        }
    }

    private static func text(_ members: [String: JSONValue]) -> [UInt8] {
        (try? JSONValue.object(members).encoded()) ?? Array("{}".utf8)
    }
}
