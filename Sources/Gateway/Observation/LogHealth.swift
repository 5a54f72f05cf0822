internal import Envelopes
internal import EventLog
internal import Synchronization
internal import Telemetry
internal import Threads

/// Asks the log every few seconds whether a topic is there and could be written to.
///
/// A gateway's follower hears from the topic of results only; an upload goes to another one.
///
/// Thread: its own; `start`, `stop` and `verdict` any.
final class LogHealth: Sendable {
    /// For so long what was heard of the log counts.
    static let patience: Duration = .seconds(15)
    private static let interval: Duration = .seconds(3)

    private struct State {
        var lastSuccess: ContinuousClock.Instant?
        var problem = "the log was not asked yet"
        /// What the log failed with when it was asked last; nil when it did not.
        var failure: LogFailure.Kind?

        /// The topic is missing or may not be used, or the disk is full: nothing that waiting mends.
        var isLasting: Bool { failure == .topic || failure == .full || failure == .closed }
    }

    private let log: any EventLog
    private let topic: String
    private let state = Mutex(State())
    private let pause = Monitor(false)
    private let thread = Mutex<DedicatedThread?>(nil)

    init(_ log: any EventLog, topic: String = TopicName.updates) {
        self.log = log
        self.topic = topic
    }

    func start() -> Bool {
        let started = DedicatedThread(name: "log-health") { [self] in run() }
        thread.withLock { $0 = started }
        return started != nil
    }

    func beginStopping() { pause.change { $0 = true } }

    func stop() {
        beginStopping()
        thread.withLock { $0.take() }?.join()
    }

    /// Nil when a record could be appended, by what was seen within the last seconds; else why not.
    var problem: String? {
        let state = state.withLock { $0 }
        let recent = (log as? MeteredLog)?.recent
        if let refusal = recent?.refusal, ContinuousClock.now - refusal.at < .seconds(60) { return refusal.reason }
        if state.isLasting { return state.problem }
        let last = [state.lastSuccess, recent?.lastSuccess].compactMap { $0 }.max()
        if let last, ContinuousClock.now - last < Self.patience { return nil }
        return state.problem
    }

    /// Why the topic cannot be used, when that is what the log said last; nil when waiting may help.
    var topicProblem: String? { state.withLock { $0.failure == .topic ? $0.problem : nil } }

    /// Seconds since the log was last known to take records.
    var age: Double? {
        let last = [state.withLock { $0.lastSuccess }, (log as? MeteredLog)?.recent.lastSuccess].compactMap { $0 }.max()
        return last.map { (ContinuousClock.now - $0).inSeconds }
    }

    private func run() {
        repeat {
            do throws(LogFailure) {
                try log.probe([topic])
                state.withLock { $0 = State(lastSuccess: .now, problem: "the log was not heard of for a while") }
            } catch {
                state.withLock { state in
                    state.problem = error.reason
                    state.failure = error.kind
                }
            }
        } while pause.wait(within: Self.interval, for: { $0 ? true : nil }) == nil
    }
}
