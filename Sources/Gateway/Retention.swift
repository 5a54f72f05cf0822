/// How much of the results is kept; the lowest rounds go first.
///
/// The result of the largest round always is kept, and one that just came until the next does, and what is not on the
/// disk yet. Coded copies count.
struct Retention: Sendable {
    var rounds = Int.max
    var bytes = Int.max

    /// Marks what is beyond it as expired, so that no answer needs it any more; the disk comes later.
    func apply(_ state: inout ResultStore.State, arrived: Int64?) {
        let kept = state.results.values.filter { !$0.isExpired }.sorted { $0.round < $1.round }
        var (rounds, bytes) = (kept.count, kept.reduce(0) { $0 + $1.storedBytes })
        for result in kept.dropLast() where result.round != arrived && !result.isUnsynced {
            guard rounds > self.rounds || bytes > self.bytes else { return }
            state.results[result.round]?.isExpired = true
            state.doomed.insert(result.round)
            rounds -= 1
            bytes -= result.storedBytes
        }
    }
}
