internal import Envelopes
internal import EventLog
internal import Telemetry
internal import WeightFormats
internal import Weights
internal import WireJSON

/// Why an update cannot count; it becomes the dead letter's `fed-error`.
struct Unusable: Error {
    let reason: String

    init(_ reason: String) { self.reason = reason }
}

extension TermOfWork {
    /// Counts one update, or says in the dead letters why it cannot.
    func takeUpdate(_ record: borrowing StoredRecord) throws {
        guard !buried.contains(record.position) else { return }
        let position = record.position
        let reason: String
        do {
            if try chunks.take(record) { return }
            let trace = RoundTrace.context(record.headers)
            return try reader.read(record) { [self] in try count($0, at: position, trace) }
        } catch let failure as EnvelopeFailure {
            reason = String(describing: failure)
        } catch let failure as WeightFailure {
            reason = "weights: \(failure)"
        } catch let failure as ArrayMatch.Mismatch {
            reason = failure.reason
        } catch let failure as Unusable {
            reason = failure.reason
        }
        try bury(record, because: reason)
    }

    private func count(
        _ opened: borrowing OpenedMessage, at position: Position, _ trace: TraceContext?
    ) throws {
        let message = opened.message
        guard message.type == .weightUpdate else {
            throw Unusable("message_type: \(message.type.rawValue) on the topic of updates")
        }
        defer { if opened.package.chunks != nil { chunks.forget(message.messageID, at: position) } }
        if let verdict = book.early(message.messageID, round: message.roundNumber) { return note(verdict) }
        let samples = try Self.samples(of: message)
        // A client that tried again at another gateway: the first of equal ones counts, as its receipt says.
        let said = message.metadata.filter { $0.key != "idempotency_key" }
        if said["body_digest"] != nil, book.latest(of: message.senderID, round: message.roundNumber)?.said == said {
            return note(.repeated)
        }
        guard let format = WeightFormats.named(opened.package.format), format.decoder != nil else {
            throw Unusable("format: \(opened.package.format) cannot be aggregated; \(WeightFormats.names) can")
        }
        let limits = DecodeLimits(decodedBytes: UInt64(owner.configuration.maxDecodedBytes))
        let file = "\(message.roundNumber)-\(position.partition)-\(position.offset)"
        var begin = position
        var source = ContributionSpool.Source.memory(opened.payload)
        if opened.package.chunks != nil {
            let payload = try chunks.assemble(opened, at: position)
            begin.offset = payload.firstOffset
            source = .chunks(payload)
        }
        let stored = try spool.store(source, format, behind: opened.package.filter, limits, as: file)
        let first = book.open[message.roundNumber]?.arrays
        let partners: [Int]
        do {
            partners = try ArrayMatch.partners(of: stored.arrays, in: first ?? stored.arrays)
        } catch {
            try spool.remove(file)
            throw error
        }
        let contribution = Contribution(
            clientID: message.senderID, messageID: message.messageID, position: position, begin: begin,
            samples: samples, said: said, trace: trace, file: file, bytes: stored.bytes,
            offsets: partners.map { stored.offsets[$0] })
        let verdict = book.count(
            contribution, round: message.roundNumber, arrays: stored.arrays, timestamp: message.timestamp)
        if first == nil { owner.board.opened(message.roundNumber, stored.arrays) }
        if case .counted(let replaced?) = verdict { try spool.remove(replaced.file) }
        note(verdict)
    }

    private static func samples(of message: Message) throws -> Int64 {
        guard let value = message.metadata["num_samples"] else { return 1 }
        guard let samples = value.integerValue, 1...(1 << 53) ~= samples else {
            throw Unusable("num_samples: not a whole number from 1 to 2^53")
        }
        return samples
    }

    private func note(_ verdict: RoundBook.Verdict) {
        switch verdict {
        case .counted(nil): owner.metrics.counted.add()
        case .counted: owner.metrics.replaced.add()
        case .repeated: owner.metrics.repeated.add()
        case .late: owner.metrics.late.add()
        }
    }
}
