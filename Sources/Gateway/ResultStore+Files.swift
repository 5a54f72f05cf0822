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
                let files = Self.files(result)
                (result.copies, result.forms, result.incompressible) = ([:], [:], [])
                guard (try? writeSidecar(result)) != nil else { return }
                for name in files { File.remove(directory.file(name)) }
                state.withLock { state in
                    state.results[result.round] = result
                    state.doomed.remove(result.round)
                    for name in files { state.slices[name] = nil }
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
            try rewriteSidecar(now)
            state.withLock { state in
                guard state.results[result.round]?.isExpired == false else { return }
                state.results[result.round] = now
            }
        }
    }

    /// Takes a copy of a result in another format; who asked for it gets it, whatever the retention says.
    ///
    /// - Parameters:
    ///   - format: its name.
    ///   - result: of which it is a copy.
    ///   - copy: its digest and size.
    ///   - temporary: the name of its file, synced; gone afterwards.
    func addForm(_ format: String, of result: StoredResult, _ copy: StoredResult.Copy, from temporary: String) throws {
        try writing.withLock { _ in
            defer { File.remove(directory.file(temporary)) }
            guard var now = self[result.round], now.messageID == result.messageID, !now.isExpired else { return }
            try directory.rename(temporary, to: Self.form(result.round, format))
            now.forms[format] = copy
            try rewriteSidecar(now)
            state.withLock { state in
                guard state.results[result.round]?.isExpired == false else { return }
                state.results[result.round] = now
            }
        }
    }

    /// Does nothing when there is none yet: it would say that the weights are on the disk, and comes with them.
    private func rewriteSidecar(_ result: StoredResult) throws {
        if !result.isUnsynced { try writeSidecar(result) }
    }
}
