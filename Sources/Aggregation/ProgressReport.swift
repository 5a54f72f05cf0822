internal import Telemetry

/// Tells how far the mean of a large round is: on the board at once, in the log every few seconds.
///
/// Thread: the aggregator's.
final class ProgressReport {
    private static let pause = Duration.seconds(5)

    private let round: Int64
    private let board: RoundBoard
    private let logger: Logger
    private var lastLine = ContinuousClock.now

    init(_ round: Int64, _ board: RoundBoard, _ logger: Logger) {
        self.round = round
        self.board = board
        self.logger = logger
    }

    /// - Parameter part: from 0 to 1.
    func show(_ part: Double) {
        board.aggregated(round, part)
        guard ContinuousClock.now - lastLine > Self.pause else { return }
        lastLine = .now
        logger.info("aggregating", [("round", String(round)), ("percent", String(Int(part * 100)))])
    }
}
