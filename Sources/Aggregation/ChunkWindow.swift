internal import EventLog
internal import Threads

/// Appends the chunks of a result while the next ones are made: a few are on their way at one time, which bounds their memory.
///
/// They need no term: without the commit record, which is published in one, they do not exist (protocol.md, section 5).
///
/// Thread: one at a time.
final class ChunkWindow {
    private struct State {
        var flying = 0
        var failure: LogFailure?
    }

    private let log: any EventLog
    private let topic: String
    private let most: Int
    private let state = Monitor(State())

    /// A window in which nothing is on its way.
    ///
    /// - Parameter most: chunks at one time.
    init(_ log: any EventLog, topic: String, most: Int) {
        self.log = log
        self.topic = topic
        self.most = most
    }

    /// Appends a chunk as soon as there is room for it.
    ///
    /// - Throws: why it, or one before it, is not stored.
    func append(_ chunk: Record) throws(LogFailure) {
        try wait { $0 < most }
        state.change { $0.flying += 1 }
        log.append(chunk, to: topic) { [state] result in
            state.change { state in
                state.flying -= 1
                if case .failure(let failure) = result { state.failure = state.failure ?? failure }
            }
        }
    }

    /// Waits until all are stored.
    ///
    /// - Throws: why one is not.
    func finish() throws(LogFailure) { try wait { $0 == 0 } }

    private func wait(until isSo: (_ flying: Int) -> Bool) throws(LogFailure) {
        let failure: LogFailure?? = state.wait { state in
            if let failure = state.failure { return .some(failure) }
            return isSo(state.flying) ? .some(nil) : nil
        }
        if let failure = failure ?? nil { throw failure }
    }
}
