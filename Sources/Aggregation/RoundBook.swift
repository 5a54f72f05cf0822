internal import EventLog
internal import Weights

/// A round that has an update and no result.
struct OpenRound: Sendable {
    let number: Int64
    /// Of the first update: what all others have to match, and the names that the result bears.
    let arrays: [ArraySpec]
    /// Where the first update begins; a restart reads it first again, even when its client has replaced it.
    let firstPosition: Position
    /// The first update's own time, seconds since 1970; the deadline runs from it.
    let firstTimestamp: Double
    fileprivate var byClient: [String: (turn: Int, contribution: Contribution)] = [:]
    fileprivate var messageIDs: Set<String> = []
    fileprivate var turns = 0

    /// How many clients have reported.
    var count: Int { byClient.count }

    /// One a client, in the order counted.
    var contributions: [Contribution] { byClient.values.sorted { $0.turn < $1.turn }.map(\.contribution) }

    fileprivate mutating func add(_ contribution: Contribution) -> Contribution? {
        messageIDs.insert(contribution.messageID)
        turns += 1
        return byClient.updateValue((turns, contribution), forKey: contribution.clientID)?.contribution
    }
}

/// Which rounds are open with which updates, and which are closed.
///
/// It decides; it does no I/O.
struct RoundBook {
    /// What became of an update.
    enum Verdict: Equatable {
        /// It counts; the file of the one it replaces is of no more use.
        case counted(replaced: Contribution?)
        /// Its message was counted before.
        case repeated
        /// Its round has its result.
        case late
    }

    private(set) var open: [Int64: OpenRound] = [:]
    private(set) var closed: Set<Int64> = []

    /// What can be said of an update before its arrays are looked at; nil when it may count.
    func early(_ messageID: String, round: Int64) -> Verdict? {
        if closed.contains(round) { return .late }
        return open[round]?.messageIDs.contains(messageID) == true ? .repeated : nil
    }

    /// What counts of a client now.
    func latest(of client: String, round: Int64) -> Contribution? { open[round]?.byClient[client]?.contribution }

    /// Counts an update whose arrays match the round's, or are its first.
    mutating func count(
        _ contribution: Contribution, round: Int64, arrays: [ArraySpec], timestamp: Double
    ) -> Verdict {
        if let verdict = early(contribution.messageID, round: round) { return verdict }
        if open[round] == nil {
            open[round] = OpenRound(
                number: round, arrays: arrays, firstPosition: contribution.begin, firstTimestamp: timestamp)
        }
        return .counted(replaced: open[round]?.add(contribution) ?? nil)
    }

    /// Marks a round as having its result; gives what was open of it.
    mutating func close(_ round: Int64) -> OpenRound? {
        closed.insert(round)
        return open.removeValue(forKey: round)
    }

    /// The rounds that have enough updates, or whose deadline is over, in ascending order.
    func due(_ policy: ClosingPolicy, at now: Double) -> [Int64] {
        open.values.filter { round in
            if round.count >= policy.minUpdates { return true }
            guard let deadline = policy.deadline(of: round) else { return false }
            return now >= deadline
        }.map(\.number).sorted()
    }

    /// The lowest offsets, by partition, that open rounds still need; nothing for partitions that none needs.
    var needed: [Int32: Int64] {
        var lowest: [Int32: Int64] = [:]
        for round in open.values {
            for position in round.byClient.values.map(\.contribution.begin) + [round.firstPosition] {
                lowest[position.partition] = min(lowest[position.partition] ?? .max, position.offset)
            }
        }
        return lowest
    }
}

/// When a round closes.
public struct ClosingPolicy: Sendable, Hashable {
    /// As soon as so many clients have reported.
    public var minUpdates: Int
    /// So many seconds after the round's first update, with at least one; nil waits for ever.
    public var roundDeadline: Double?

    /// A policy.
    ///
    /// - Parameters:
    ///   - minUpdates: at least 1.
    ///   - roundDeadline: seconds, or nil.
    public init(minUpdates: Int = 2, roundDeadline: Double? = nil) {
        self.minUpdates = minUpdates
        self.roundDeadline = roundDeadline
    }

    func deadline(of round: OpenRound) -> Double? { roundDeadline.map { round.firstTimestamp + $0 } }
}
