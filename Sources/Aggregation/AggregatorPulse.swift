internal import Synchronization

/// What the aggregator's thread did last, for whoever asks whether it lives.
///
/// Thread: any.
final class AggregatorPulse: Sendable {
    /// A step takes half a second, but for the long ones that say what they are.
    private static let patience: Duration = .seconds(15)

    private struct State {
        var last = ContinuousClock.now
        var failure: String? = "the aggregator has not seen yet what is on the log"
        /// What it does that may take long.
        var isBusy = false
    }

    private let state = Mutex(State())

    /// Nil when it worked or stood by within the last seconds, or is at something that takes long.
    var problem: String? {
        state.withLock { state in
            if let failure = state.failure { return failure }
            let silence = ContinuousClock.now - state.last
            guard !state.isBusy, silence > Self.patience else { return nil }
            return "the aggregator has not moved for \(silence.components.seconds) s"
        }
    }

    /// A step is done.
    func beat() { state.withLock { $0 = State(last: .now, failure: nil) } }

    /// It starts over.
    func failed(_ reason: String) { state.withLock { $0.failure = "the aggregator starts over: \(reason)" } }

    /// Something that takes long is no silence.
    func during<R>(_ body: () throws -> R) rethrows -> R {
        state.withLock { $0.isBusy = true }
        defer { state.withLock { $0.isBusy = false } }
        return try body()
    }
}
