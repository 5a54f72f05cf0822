public import EventLog

/// A log for tests of what stands above logs: one says what `append` does, and there is nothing to read.
public protocol StubLog: EventLog {}

extension StubLog {
    /// Says nothing.
    public var identity: String { "stub" }
    /// Prepares nothing.
    public func prepare(_ topics: [TopicSpec]) -> [String: TopicLimits] { [:] }
    /// Always succeeds.
    public func probe(_ topics: [String]) {}
    /// Has no partitions.
    public func ends(of topic: String) -> [Int32: Range<Int64>] { [:] }
    /// Refuses.
    public func tail(_ topic: String, from offsets: [Int32: Int64]) throws(LogFailure) -> any LogTail {
        throw LogFailure(.closed, "nothing to read")
    }
    /// Refuses.
    public func contend(for work: String) throws(LogFailure) -> any Leadership {
        throw LogFailure(.closed, "no contest")
    }
    /// Closes nothing.
    public func close(within deadline: Duration) {}
}
