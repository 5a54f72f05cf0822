internal import Envelopes
internal import EventLog
internal import MicroHTTP
internal import Telemetry
internal import Weights

/// What became of an upload.
enum UploadOutcome: Sendable {
    case stored(Receipt, isRepeat: Bool)
    case failed(Failure)

    /// The client's answer.
    func response(_ gateway: GatewayCore, _ requestID: String) -> Response {
        switch self {
        case .stored(let receipt, let isRepeat):
            var response = Answers.text(receipt.json, type: "application/json", status: 202)
            response.about = AnswerNote(.stored(receipt, isRepeat: isRepeat))
            if isRepeat { response.headers.append(("Fed-Repeat", "true")) }
            return response
        case .failed(let failure): return gateway.refuse(failure, requestID)
        }
    }
}

/// From a sealed record to its receipt: once on the log, whoever repeats it.
///
/// Thread: any, one step after the other.
final class UploadStorage: Sendable {
    private let gateway: GatewayCore
    private let request: UploadRequest
    private let record: SealedRecord
    private let arrays: [ArraySpec]
    private let flight: ChunkFlight?
    private let tell: @Sendable (UploadOutcome) -> Void

    /// - Parameter tell: called once, when it is decided; on any thread, must not block.
    init(
        _ gateway: GatewayCore, _ request: UploadRequest, _ finished: UploadPipeline.Finished,
        _ tell: @escaping @Sendable (UploadOutcome) -> Void
    ) {
        self.gateway = gateway
        self.request = request
        record = finished.record
        arrays = finished.arrays
        flight = finished.flight
        self.tell = tell
    }

    /// Begins; the rest follows from the log's answers.
    func store() {
        if let flight { return store(after: flight) }
        if request.idempotencyKey != nil || mustRecall { return storeOnce() }
        if let receipt = earlier() { return answer(receipt, isRepeat: true) }
        // What another gateway has stored is looked at afterwards, and only if it has: the aggregator counts equal ones once.
        append { [self] update in
            switch gateway.updates.appended(update) {
            case .new: answer(update.receipt, isRepeat: false)
            case .repeated(let receipt): answer(receipt, isRepeat: true)
            case .unknown: settle(update)
            }
        }
    }

    /// Without its commit record the update does not exist; so that one goes when every chunk is acknowledged.
    private func store(after flight: ChunkFlight) {
        flight.whenAllLanded { [self] failure in
            if let failure { return refuse(gateway.failure(chunk: failure)) }
            storeOnce()
        }
    }

    /// Looks first whether the log has it, since a commit record or a key is worth that.
    private func storeOnce() {
        guard let key = request.idempotencyKey else { return lookThenAppend {} }
        let turn = UploadTurns.Key(round: request.round, clientID: request.clientID, key: key)
        gateway.turns.begin(turn, for: self) { [self] in
            lookThenAppend { [gateway] in gateway.turns.end(turn) }
        }
    }

    /// The round is closed and the client counted in it, but its updates were read by an earlier process.
    private var mustRecall: Bool { gateway.updates.mustRecall(request.clientID, round: request.round) }

    private func lookThenAppend(_ done: @escaping @Sendable () -> Void) {
        gateway.updates.catchUp(recalling: mustRecall ? request.round : nil) { [self] result in
            do throws(Failure) {
                if case .failure(let failure) = result { throw Failure(failure) }
                if let receipt = try earlierByKey() ?? earlier() {
                    answer(receipt, isRepeat: true)
                    return done()
                }
            } catch {
                refuse(error)
                return done()
            }
            append(failed: done) { [self] update in
                _ = gateway.updates.appended(update)
                answer(update.receipt, isRepeat: false)
                done()
            }
        }
    }

    /// The receipt of the same upload, as far as the log was read.
    private func earlier() -> Receipt? {
        guard let latest = gateway.updates.updates(of: request.clientID, round: request.round)?.latest,
            latest.fingerprint == fingerprint
        else { return nil }
        return latest.receipt
    }

    private func earlierByKey() throws(Failure) -> Receipt? {
        guard let key = request.idempotencyKey,
            let update = gateway.updates.updates(of: request.clientID, round: request.round)?.byKey[key]
        else { return nil }
        guard update.fingerprint == fingerprint else {
            throw Failure(
                .keyReused,
                "the key \"\(key)\" was used for another body or other metadata by the same client and round")
        }
        return update.receipt
    }

    private var fingerprint: [UInt8]? {
        UpdateMetadata.fingerprint(record.message, modelVersion: request.modelVersion, request.dataType)
    }

    private func append(
        failed: @escaping @Sendable () -> Void = {}, _ stored: @escaping @Sendable (StoredUpdate) -> Void
    ) {
        do throws(Failure) { try gateway.check(arrays, of: request.round) } catch {
            refuse(error)
            return failed()
        }
        gateway.log.append(record.record, to: TopicName.updates) { [self] result in
            switch result {
            case .success(let position):
                gateway.metrics.stored(bytes: record.summary.originalSize)
                stored(StoredUpdate(record, gateway.configuration.uploads, request, at: position))
            case .failure(let failure):
                refuse(gateway.failure(failure))
                failed()
            }
        }
    }

    /// Reads what lies before the update, then answers; a log that cannot be read does not change that it is stored.
    private func settle(_ update: StoredUpdate) {
        gateway.updates.catchUp { [self] result in
            if case .success = result, case .repeated(let receipt) = gateway.updates.verdict(on: update) {
                return answer(receipt, isRepeat: true)
            }
            answer(update.receipt, isRepeat: false)
        }
    }

    private func answer(_ receipt: Receipt, isRepeat: Bool) { tell(.stored(receipt, isRepeat: isRepeat)) }

    private func refuse(_ failure: Failure) { tell(.failed(failure)) }
}
