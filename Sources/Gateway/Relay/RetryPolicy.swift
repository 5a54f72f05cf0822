internal import EventLog

/// When a small message is appended again that the log did not take, and after how long.
///
/// Exponential backoff with full jitter: after a failure a time between nothing and a bound that doubles. librdkafka retries by
/// itself until its delivery timeout; what comes back after that time is not tried once more.
struct RetryPolicy: Sendable {
    /// Attempts in all.
    var attempts = 4
    var base: Duration = .milliseconds(50)
    var cap: Duration = .seconds(1)
    /// A failure that took longer was retried by the log itself.
    var quick: Duration = .seconds(1)

    /// Whether the same record may be taken in a moment.
    ///
    /// An unknown outcome is the client's to decide about: the record may be stored.
    ///
    /// - Parameters:
    ///   - failure: of this attempt.
    ///   - attempt: its number, from 1.
    ///   - time: that it took.
    func retries(_ failure: LogFailure, attempt: Int, after time: Duration) -> Bool {
        guard attempt < attempts else { return false }
        return switch failure.kind {
        case .full: true
        case .unreachable: time < quick
        case .outcomeUnknown, .tooLarge, .topic, .fenced, .closed, .corrupt: false
        }
    }

    /// How long to wait after an attempt.
    ///
    /// - Parameters:
    ///   - attempt: its number, from 1.
    ///   - luck: from 0 to 1.
    func delay(after attempt: Int, luck: Double) -> Duration {
        min(cap, base * (1 << min(max(attempt - 1, 0), 16))) * min(max(luck, 0), 1)
    }
}
