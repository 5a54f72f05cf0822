extension LogTail {
    /// Reads from where the tail stands up to the end that the topic has now.
    ///
    /// Blocks.
    ///
    /// - Parameters:
    ///   - topic: what the tail reads.
    ///   - log: is asked for the end.
    ///   - patience: how long no record may come although the end is not reached.
    ///   - isWanted: asked after each read; false ends it with `closed`.
    ///   - body: gets each record.
    /// - Throws: what `body` and the log throw; `LogFailure` when patience is over.
    public func catchUp(
        with topic: String, of log: any EventLog, patience: Duration = .seconds(60),
        while isWanted: () -> Bool = { true },
        _ body: (borrowing StoredRecord) throws -> Void
    ) throws {
        let ends = try log.ends(of: topic)
        var lastRecord = ContinuousClock.now
        while !hasReached(ends) {
            guard isWanted() else { throw LogFailure(.closed, "nobody waits for \(topic) any more") }
            if try read(within: .seconds(1), body) > 0 {
                lastRecord = .now
            } else if ContinuousClock.now - lastRecord > patience {
                throw LogFailure(.unreachable, "no record of \(topic) for \(patience), and its end is not reached")
            }
        }
    }

    private func hasReached(_ ends: [Int32: Range<Int64>]) -> Bool {
        let positions = self.positions
        return ends.allSatisfy { partition, range in
            range.isEmpty || positions[partition, default: range.lowerBound] >= range.upperBound
        }
    }
}
