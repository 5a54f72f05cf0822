internal import Envelopes
internal import EventLog
internal import Files
internal import Telemetry
internal import WireJSON

extension TermOfWork {
    /// Learns from a result which round is closed, and up to where updates are done with.
    func takeResult(_ record: borrowing StoredRecord) throws {
        // What a result weighs is of no interest here, only that it is there: its commit record says that.
        guard !buried.contains(record.position), !ChunkRecord.isChunk(record.headers) else { return }
        let position = record.position
        let reason: String
        do {
            let accepted = try reader.read(record) { [self] in try learn($0, at: position) }
            if accepted { return }
            reason = "a second result for its round"
        } catch let failure as EnvelopeFailure {
            reason = String(describing: failure)
        } catch let failure as Unusable {
            reason = failure.reason
        }
        try bury(record, because: reason)
    }

    /// False for a second result.
    private func learn(_ opened: borrowing OpenedMessage, at position: Position) throws -> Bool {
        let message = opened.message
        guard message.type == .aggregationResult else {
            throw Unusable("message_type: \(message.type.rawValue) on the topic of results")
        }
        if let ruling = ruling[message.roundNumber] { return ruling == position }
        ruling[message.roundNumber] = position
        for (partition, offset) in ResultPublisher.positions(in: message) {
            start[partition] = max(start[partition] ?? 0, offset)
        }
        try forget(message.roundNumber)
        return true
    }

    /// Publishes the mean of a round's updates and closes it.
    func close(_ number: Int64) throws {
        guard let round = book.open[number] else { return }
        let started = ContinuousClock.now
        let trace = RoundTrace(round.contributions.compactMap(\.trace))
        do {
            let report = ProgressReport(number, owner.board, owner.logger)
            let published = try owner.pulse.during {
                try publisher.publish(
                    round, positions: positions(without: number), in: term, trace: trace.result,
                    progress: report.show)
            }
            guard let position = published else { return }
            ruling[number] = position
        } catch let failure as EnvelopeFailure {
            return giveUp(number, String(describing: failure))
        } catch let failure as LogFailure where failure.kind == .tooLarge {
            // The next term puts less into a record, when the topic admits less than it did.
            guard try Self.recordLimit(owner) >= publisher.maxRecordBytes else { throw failure }
            return giveUp(number, failure.reason)
        }
        owner.metrics.closed(number, after: ContinuousClock.now - started)
        owner.logger.info(
            "round closed", [("round", String(number)), ("updates", String(round.count))] + trace.fields)
        try forget(number)
    }

    /// The round stays open, and a person has to help: the topic of results admits too little.
    private func giveUp(_ number: Int64, _ reason: String) {
        stuck.insert(number)
        owner.metrics.failures.add()
        owner.logger.error(
            "a round cannot be closed: its result does not fit the topic of results",
            [("round", String(number)), ("reason", reason)])
    }

    private func forget(_ number: Int64) throws {
        let contributions = book.close(number)?.contributions ?? []
        owner.board.closed(number)
        for contribution in contributions { try spool.remove(contribution.file) }
        FileExtents.dropFromPageCache(contributions.map(\.bytes))
    }

    /// From where a later aggregator has to read updates once this round is closed.
    private func positions(without number: Int64) -> [Int32: Int64] {
        var rest = book
        _ = rest.close(number)
        return (updates?.positions ?? [:]).merging(rest.needed) { min($0, $1) }.merging(chunks.needed) { min($0, $1) }
    }
}
