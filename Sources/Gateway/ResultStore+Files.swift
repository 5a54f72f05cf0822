internal import Files
internal import Synchronization

/// What happens to a result's files after they came.
extension ResultStore {
    /// Lets go of the bytes of expired results; that they were there stays known.
    ///
    /// What does not work now, on a full disk, is tried again with the next result.
    func bury() {
        let doomed = state.withLock { state in state.doomed.compactMap { state.results[$0] } }
        for var result in doomed {
            writing.withLock { _ in
                let copies = result.copies.keys.map { Self.copy(result.round, $0) }
                (result.copies, result.incompressible) = ([:], [])
                guard (try? writeSidecar(result)) != nil else { return }
                for name in [Self.weights(result.round)] + copies { File.remove(directory.file(name)) }
                state.withLock { state in
                    state.results[result.round] = result
                    state.doomed.remove(result.round)
                    for name in [Self.weights(result.round)] + copies { state.slices[name] = nil }
                }
            }
        }
    }

    /// Takes a coded copy of a result, or notes that none is worth its place.
    ///
    /// - Parameters:
    ///   - coding: how it is coded.
    ///   - result: of which it is a copy.
    ///   - copy: nil when the result is hardly smaller for it.
    ///   - temporary: the name of its file, synced; gone afterwards.
    func addCopy(_ coding: ContentCoding, of result: StoredResult, _ copy: StoredResult.Copy?, from temporary: String)
        throws
    {
        try writing.withLock { _ in
            defer { File.remove(directory.file(temporary)) }
            guard var now = self[result.round], now.messageID == result.messageID, !now.isExpired else { return }
            let stored = all.values.reduce(0) { $0 + ($1.isExpired ? 0 : $1.storedBytes) }
            // A copy is no reason to let go of a round.
            if let copy, stored + copy.size <= retention.bytes {
                try directory.rename(temporary, to: Self.copy(result.round, coding))
                now.copies[coding] = copy
            } else {
                now.incompressible.insert(coding)
            }
            try writeSidecar(now)
            state.withLock { state in
                guard state.results[result.round]?.isExpired == false else { return }
                state.results[result.round] = now
            }
        }
    }
}
