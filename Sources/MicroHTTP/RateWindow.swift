/// Measures how fast a body comes, without the time for which the client was made to wait.
struct RateWindow {
    private var start: Moment
    private var bytes: UInt64
    private var suspended: Duration

    init(start: Moment = .now, bytes: UInt64 = 0, suspended: Duration = .zero) {
        self.start = start
        self.bytes = bytes
        self.suspended = suspended
    }

    /// Whether a whole window has passed with too few bytes; begins the next one when it is full.
    ///
    /// - Parameters:
    ///   - now: the time.
    ///   - received: bytes since the beginning of the request.
    ///   - suspendedFor: time that does not count, since the beginning of the request.
    ///   - length: of a window.
    ///   - minimum: bytes a second.
    mutating func isTooSlow(
        at now: Moment, received: UInt64, suspendedFor: Duration, length: Duration, minimum: Int
    ) -> Bool {
        let waited = suspendedFor - suspended
        let passed = now - start - waited
        guard minimum > 0, passed >= length else { return false }
        let seconds = Double(passed.components.seconds) + Double(passed.components.attoseconds) * 1e-18
        if Double(received - bytes) < Double(minimum) * seconds { return true }
        self = RateWindow(start: now, bytes: received, suspended: suspendedFor)
        return false
    }
}
