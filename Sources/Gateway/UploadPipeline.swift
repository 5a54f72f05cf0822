internal import Digests
internal import Envelopes
internal import EventLog
internal import Telemetry
internal import WeightFormats
internal import Weights
internal import WireJSON
internal import WireTime

/// The body of one upload on its way: validated, hashed and sealed while it streams, from a connection or from a file.
///
/// Thread: one at a time.
final class UploadPipeline {
    /// An update that only has to be stored.
    struct Finished {
        let record: SealedRecord
        let arrays: [ArraySpec]
        /// The chunks that have to be on the log before the record, where there are any.
        let flight: ChunkFlight?
    }

    private let gateway: GatewayCore
    private let request: UploadRequest
    private var validator: FEDWT001Validator
    private var sink: UploadSink
    private var sha512: SHA512?
    private var received = 0
    private let patience = Patience()

    init(_ gateway: GatewayCore, _ request: UploadRequest) {
        self.gateway = gateway
        self.request = request
        validator = FEDWT001Validator(limits: .init(decodedBytes: UInt64(gateway.configuration.maxDecodedBytes)))
        sink = UploadSink(gateway, clientID: request.clientID, contentLength: request.contentLength)
        if request.digest.sha512 != nil { sha512 = SHA512() }
    }

    /// Takes a piece, or says that the waiter has to wait and bring it again.
    func take(_ piece: UnsafeRawBufferPointer, _ waiter: any Waiter) throws(Failure) -> Bool {
        guard received + piece.count <= gateway.maxBody else { throw UploadRequest.tooLarge(gateway.maxBody) }
        guard try makeRoom(for: piece.count, waiter) else { return false }
        do throws(WeightFailure) { try validator.feed(piece) } catch { throw Failure(error) }
        do throws(EnvelopeFailure) { try sink.write(piece) } catch { throw Failure(error) }
        sha512?.update(piece)
        received += piece.count
        return true
    }

    func finish() throws(Failure) -> Finished {
        do throws(WeightFailure) { try validator.finish() } catch { throw Failure(error) }
        let sealed: UploadSink.Sealed?
        do throws(EnvelopeFailure) { sealed = try sink.finish() } catch { throw Failure(error) }
        let finished: Finished
        do throws(EnvelopeFailure) {
            switch consume sealed {
            case .record(let sealer)?:
                finished = Finished(record: try seal(sealer), arrays: validator.arrays, flight: nil)
            case .chunks(let payload, let commit, let flight)?:
                finished = Finished(record: try seal(payload, commit), arrays: validator.arrays, flight: flight)
            case nil: throw EnvelopeFailure("payload", "is empty")
            }
        } catch { throw Failure(error) }
        try request.digest.verify(sha256: finished.record.summary.bodyDigest, sha512: sha512.take()?.finalize())
        return finished
    }

    /// Gives back what it holds; nothing follows.
    func end(_ waiter: any Waiter) {
        patience.end()
        gateway.admission.leave(waiter)
        sink = UploadSink(gateway, clientID: "", contentLength: nil)
    }

    private func makeRoom(for count: Int, _ waiter: any Waiter) throws(Failure) -> Bool {
        switch try sink.makeRoom(for: count, waiter) {
        case .enough:
            patience.end()
            return true
        case .waitForLog:
            // The log's own time limit ends this.
            return false
        case .waitForMemory:
            let limit = gateway.configuration.admissionPatience
            if patience.isOver { throw Failure(.busy, "no memory came free within \(limit)") }
            if patience.begin(gateway.timers, for: limit, waiter) { gateway.metrics.waits.add() }
            return false
        }
    }

    private func seal(_ sealer: consuming RecordSealer) throws(EnvelopeFailure) -> SealedRecord {
        try sealer.seal(
            format: "binary_custom", dataType: request.dataType, modelVersion: request.modelVersion,
            extraHeaders: request.traceHeaders
        ) { message(MessageID.make(), $0) }
    }

    private func seal(
        _ payload: ChunkedPayload, _ sealer: consuming RecordSealer
    ) throws(EnvelopeFailure) -> SealedRecord {
        try sealer.commit(
            payload, format: "binary_custom", dataType: request.dataType, modelVersion: request.modelVersion,
            extraHeaders: request.traceHeaders
        ) { message(payload.messageID, $0) }
    }

    private func message(_ id: String, _ summary: PayloadSummary) -> Message {
        var metadata = request.metadata
        metadata[UpdateMetadata.bodyDigest] = .string(summary.bodyDigest)
        metadata[UpdateMetadata.bodySize] = .integer(Int64(summary.originalSize))
        metadata[UpdateMetadata.arrays] = .integer(Int64(validator.arrays.count))
        metadata[UpdateMetadata.parameters] = .integer(validator.arrays.reduce(0) { $0 &+ Int64($1.count) })
        if let key = request.idempotencyKey { metadata[UpdateMetadata.idempotencyKey] = .string(key) }
        return Message(
            messageID: id, type: .weightUpdate, senderID: request.clientID, timestamp: Timestamp.now(),
            roundNumber: request.round, metadata: metadata)
    }
}
