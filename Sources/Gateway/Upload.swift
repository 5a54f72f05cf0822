internal import Envelopes
internal import EventLog
internal import MicroHTTP
internal import Telemetry
internal import WeightFormats
internal import Weights
internal import WireJSON
internal import WireTime

/// One upload: its body is validated and sealed while it streams, and answered once the log has it.
///
/// Thread: the server calls it from one worker at a time; the log's completions touch only what does not change any
/// more. Unchecked for that reason.
final class Upload: ExchangeHandler, @unchecked Sendable {
    private let gateway: GatewayCore
    private let request: UploadRequest
    private let requestID: String
    private var validator: FEDWT001Validator
    private var sink: UploadSink
    private var received = 0
    private let patience = Patience()

    init(_ gateway: GatewayCore, _ request: UploadRequest, _ requestID: String) {
        self.gateway = gateway
        self.request = request
        self.requestID = requestID
        validator = FEDWT001Validator(limits: .init(decodedBytes: UInt64(gateway.configuration.maxDecodedBytes)))
        sink = UploadSink(gateway, clientID: request.clientID, contentLength: request.contentLength)
    }

    func body(_ piece: UnsafeRawBufferPointer, _ exchange: Exchange) -> BodyVerdict {
        do throws(Failure) {
            guard received + piece.count <= gateway.maxBody else { throw UploadRequest.tooLarge(gateway.maxBody) }
            guard try makeRoom(for: piece.count, exchange) else { return .wait }
            do throws(WeightFailure) { try validator.feed(piece) } catch { throw Failure(error) }
            do throws(EnvelopeFailure) { try sink.write(piece) } catch { throw Failure(error) }
            received += piece.count
            return .consumed
        } catch {
            // Those behind it in the queue must not wait until its connection is closed.
            gateway.admission.leave(exchange)
            return .reject(refuse(error))
        }
    }

    func end(_ exchange: Exchange) -> EndVerdict {
        do throws(Failure) {
            do throws(WeightFailure) { try validator.finish() } catch { throw Failure(error) }
            try gateway.check(validator.arrays, of: request.round)
            let sealed: UploadSink.Sealed?
            do throws(EnvelopeFailure) { sealed = try sink.finish() } catch { throw Failure(error) }
            switch consume sealed {
            case .record(let sealer)?: try store(sealer, exchange)
            case .chunks(let payload, let commit, let flight)?: self.commit(payload, commit, flight, exchange)
            case nil: throw Failure(.malformedWeights, "an update has at least one array")
            }
            return .later
        } catch {
            return .reply(refuse(error))
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
        append(record, exchange)
    }

    /// Without its commit record the update does not exist; so that one goes when every chunk is acknowledged.
    private func commit(
        _ payload: ChunkedPayload, _ sealer: consuming RecordSealer, _ flight: ChunkFlight, _ exchange: Exchange
    ) {
        let record: Result<SealedRecord, EnvelopeFailure>
        do throws(EnvelopeFailure) {
            record = .success(
                try sealer.commit(
                    payload, format: "binary_custom", dataType: request.dataType, modelVersion: request.modelVersion,
                    extraHeaders: request.traceHeaders
                ) { message(payload.messageID, $0) })
        } catch { record = .failure(error) }
        flight.whenAllLanded { [self] failure in
            switch record {
            case _ where failure != nil:
                guard let failure else { return }
                exchange.reply(refuse(Failure(chunk: failure)))
            case .success(let record): append(record, exchange)
            case .failure(let failure): exchange.reply(refuse(Failure(failure)))
            }
        }
    }

    private func message(_ id: String, _ summary: PayloadSummary) -> Message {
        var metadata = request.metadata
        metadata["body_digest"] = .string(summary.bodyDigest)
        metadata["body_size"] = .integer(Int64(summary.originalSize))
        return Message(
            messageID: id, type: .weightUpdate, senderID: request.clientID, timestamp: Timestamp.now(),
            roundNumber: request.round, metadata: metadata)
    }

    private func append(_ sealed: SealedRecord, _ exchange: Exchange) {
        let receipt = Receipt(sealed, arrays: validator.arrays, compression: gateway.configuration.uploads.compression)
        let started = ContinuousClock.now
        gateway.log.append(sealed.record, to: TopicName.updates) { [gateway, requestID] result in
            gateway.metrics.delivery.observe(ContinuousClock.now - started)
            switch result {
            case .success(let position):
                gateway.metrics.stored(bytes: receipt.originalSize)
                exchange.reply(Answers.text(receipt.json(at: position), type: "application/json", status: 202))
            case .failure(let failure):
                exchange.reply(gateway.refuse(Failure(failure), requestID))
            }
        }
    }

    private func refuse(_ failure: Failure) -> Response { gateway.refuse(failure, requestID) }
}
