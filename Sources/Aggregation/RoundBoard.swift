internal import Synchronization
public import Weights

/// The open rounds as the active aggregator of this process sees them, for whoever else in it wants to know.
///
/// Thread: any.
public final class RoundBoard: Sendable {
    private struct Entry {
        var arrays: [ArraySpec]
        var aggregated = 0.0
    }

    private let rounds = Mutex<[Int64: Entry]>([:])

    /// A board without rounds.
    public init() {}

    /// The arrays that updates of a round have to match; nil when the round is not known to be open.
    ///
    /// - Parameter round: its number.
    public func arrays(of round: Int64) -> [ArraySpec]? { rounds.withLock { $0[round]?.arrays } }

    /// How many rounds are open.
    public var openRounds: Int { rounds.withLock { $0.count } }

    /// The part of a round's mean that is computed, from 0 to 1; nil when the round is not known to be open.
    ///
    /// - Parameter round: its number.
    public func aggregated(of round: Int64) -> Double? { rounds.withLock { $0[round]?.aggregated } }

    func opened(_ round: Int64, _ arrays: [ArraySpec]) { rounds.withLock { $0[round] = Entry(arrays: arrays) } }

    func aggregated(_ round: Int64, _ part: Double) { rounds.withLock { $0[round]?.aggregated = part } }

    func closed(_ round: Int64) { rounds.withLock { $0[round] = nil } }

    func clear() { rounds.withLock { $0 = [:] } }
}
