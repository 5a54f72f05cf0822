internal import Digests
internal import Envelopes
internal import EventLog
internal import MicroHTTP
internal import Telemetry
internal import WeightFormats
internal import Weights
internal import WireJSON
internal import WireTime

/// One upload: its body is validated and sealed while it streams; what then becomes of it is `UploadStorage`'s.
///
/// Thread: the server calls it from one worker at a time. Unchecked for that reason.
final class Upload: ExchangeHandler, @unchecked Sendable {
    private let gateway: GatewayCore
    private let request: UploadRequest
    private let requestID: String
    private var validator: FEDWT001Validator
    private var sink: UploadSink
    private var sha512: SHA512?
    private var received = 0
    private let patience = Patience()

    init(_ gateway: GatewayCore, _ request: UploadRequest, _ requestID: String) {
        self.gateway = gateway
        self.request = request
        self.requestID = requestID
        validator = FEDWT001Validator(limits: .init(decodedBytes: UInt64(gateway.configuration.maxDecodedBytes)))
        sink = UploadSink(gateway, clientID: request.clientID, contentLength: request.contentLength)
        if request.digest.sha512 != nil { sha512 = SHA512() }
    }

    func body(_ piece: UnsafeRawBufferPointer, _ exchange: Exchange) -> BodyVerdict {
        do throws(Failure) {
            guard received + piece.count <= gateway.maxBody else { throw UploadRequest.tooLarge(gateway.maxBody) }
            guard try makeRoom(for: piece.count, exchange) else { return .wait }
            do throws(WeightFailure) { try validator.feed(piece) } catch { throw Failure(error) }
            do throws(EnvelopeFailure) { try sink.write(piece) } catch { throw Failure(error) }
            sha512?.update(piece)
            received += piece.count
            return .consumed
        } catch {
            // Those behind it in the queue must not wait until its connection is closed.
            gateway.admission.leave(exchange)
            return .reject(gateway.refuse(error, requestID))
        }
    }

    func end(_ exchange: Exchange) -> EndVerdict {
        do throws(Failure) {
            do throws(WeightFailure) { try validator.finish() } catch { throw Failure(error) }
            let sealed: UploadSink.Sealed?
            do throws(EnvelopeFailure) { sealed = try sink.finish() } catch { throw Failure(error) }
            switch consume sealed {
            case .record(let sealer)?: try store(sealer, exchange)
            case .chunks(let payload, let commit, let flight)?: try store(payload, commit, flight, exchange)
            case nil: throw Failure(.malformedWeights, "an update has at least one array")
            }
            return .later
        } catch {
            return .reply(gateway.refuse(error, requestID))
        }
    }

    func ended(_ exchange: Exchange, _ outcome: Outcome) {
        patience.end()
        gateway.admission.leave(exchange)
        sink = UploadSink(gateway, clientID: "", contentLength: nil)
    }

    /// Memory for the next piece; false when the exchange has to wait for it.
    private func makeRoom(for count: Int, _ exchange: Exchange) throws(Failure) -> Bool {
        switch try sink.makeRoom(for: count, exchange) {
        case .enough:
            patience.end()
            return true
        case .waitForLog:
            // The log's own time limit ends this.
            return false
        case .waitForMemory:
            let limit = gateway.configuration.admissionPatience
            if patience.isOver { throw Failure(.busy, "no memory came free within \(limit)") }
            if patience.begin(gateway.timers, for: limit, exchange) { gateway.metrics.waits.add() }
            return false
        }
    }

    private func store(_ sealer: consuming RecordSealer, _ exchange: Exchange) throws(Failure) {
        let record: SealedRecord
        do throws(EnvelopeFailure) {
            record = try sealer.seal(
                format: "binary_custom", dataType: request.dataType, modelVersion: request.modelVersion,
                extraHeaders: request.traceHeaders
            ) { message(MessageID.make(), $0) }
        } catch { throw Failure(error) }
        try verify(record)
        storage(record, exchange).store()
    }

    private func store(
        _ payload: ChunkedPayload, _ sealer: consuming RecordSealer, _ flight: ChunkFlight, _ exchange: Exchange
    ) throws(Failure) {
        let record: SealedRecord
        do throws(EnvelopeFailure) {
            record = try sealer.commit(
                payload, format: "binary_custom", dataType: request.dataType, modelVersion: request.modelVersion,
                extraHeaders: request.traceHeaders
            ) { message(payload.messageID, $0) }
        } catch { throw Failure(error) }
        try verify(record)
        storage(record, exchange).store(after: flight)
    }

    private func verify(_ record: SealedRecord) throws(Failure) {
        try request.digest.verify(sha256: record.summary.bodyDigest, sha512: sha512.take()?.finalize())
    }

    private func storage(_ record: SealedRecord, _ exchange: Exchange) -> UploadStorage {
        UploadStorage(gateway, request, requestID, record, validator.arrays, exchange)
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
