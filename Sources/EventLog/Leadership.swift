/// A contest between processes for one piece of work that only one of them may do at a time.
///
/// A process that loses its term without noticing cannot publish in it any more: the log refuses it.
public protocol Leadership: AnyObject, Sendable {
    /// Waits until this process leads. Blocks; one thread at a time, which calls it again until it gets a term.
    ///
    /// - Parameter timeout: how long to wait.
    /// - Returns: the term, or nil when another process leads for that long, or after `close`.
    /// - Throws: `LogFailure` when the log cannot be asked.
    func acquire(within timeout: Duration) throws(LogFailure) -> (any Term)?

    /// Gives up the term, if there is one, and leaves the contest, so that another takes over at once. Blocks.
    func close()
}

/// The time during which a process leads.
///
/// Thread: one, the worker's; `isCurrent` any.
public protocol Term: AnyObject, Sendable {
    /// False once it is known that another process may lead; true is not a promise, `publish` is what counts.
    var isCurrent: Bool { get }

    /// Appends all records or none, and only while no other process has begun a term since. Blocks.
    ///
    /// - Parameter records: each with its topic.
    /// - Returns: the positions, in the order given.
    /// - Throws: `LogFailure`; after `fenced` and `outcomeUnknown` the term is over and the log has to be read again.
    func publish(_ records: [(topic: String, record: Record)]) throws(LogFailure) -> [Position]
}
