internal import Synchronization
public import Weights

/// The open rounds as the active aggregator of this process sees them, for whoever else in it wants to know.
///
/// Thread: any.
public final class RoundBoard: Sendable {
    private let rounds = Mutex<[Int64: [ArraySpec]]>([:])

    /// A board without rounds.
    public init() {}

    /// The arrays that updates of a round have to match; nil when the round is not known to be open.
    ///
    /// - Parameter round: its number.
    public func arrays(of round: Int64) -> [ArraySpec]? { rounds.withLock { $0[round] } }

    /// How many rounds are open.
    public var openRounds: Int { rounds.withLock { $0.count } }

    func opened(_ round: Int64, _ arrays: [ArraySpec]) { rounds.withLock { $0[round] = arrays } }

    func closed(_ round: Int64) { rounds.withLock { $0[round] = nil } }

    func clear() { rounds.withLock { $0 = [:] } }
}
