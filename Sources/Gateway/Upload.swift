internal import Bytes
internal import Envelopes
internal import EventLog
internal import MicroHTTP
internal import Telemetry
internal import Threads
internal import WeightFormats
internal import Weights
internal import WireJSON
internal import WireTime

/// One upload: its body is validated and sealed while it streams, and answered once the log has it.
///
/// Thread: the server calls it from one worker at a time; the log's completion touches only what does not change any
/// more. Unchecked for that reason.
final class Upload: ExchangeHandler, @unchecked Sendable {
    private let gateway: GatewayCore
    private let request: UploadRequest
    private let requestID: String
    private var validator: FEDWT001Validator
    private var sealer: RecordSealer?
    private var received = 0
    private var patience: Threads.Timer?
    private var isImpatient = false

    init(_ gateway: GatewayCore, _ request: UploadRequest, _ requestID: String) {
        self.gateway = gateway
        self.request = request
        self.requestID = requestID
        validator = FEDWT001Validator(limits: .init(decodedBytes: UInt64(gateway.configuration.maxDecodedBytes)))
    }

    func body(_ piece: UnsafeRawBufferPointer, _ exchange: Exchange) -> BodyVerdict {
        do throws(Failure) {
            guard received + piece.count <= gateway.maxBody else { throw UploadRequest.tooLarge(gateway.maxBody) }
            guard try makeRoom(for: piece.count, exchange) else { return .wait }
            do throws(WeightFailure) { try validator.feed(piece) } catch { throw Failure(error) }
            do throws(EnvelopeFailure) { try sealer?.write(piece) } catch { throw Failure(error) }
            received += piece.count
            return .consumed
        } catch {
            return .reject(refuse(error))
        }
    }

    func end(_ exchange: Exchange) -> EndVerdict {
        do throws(Failure) {
            do throws(WeightFailure) { try validator.finish() } catch { throw Failure(error) }
            guard !validator.arrays.isEmpty, let sealer = sealer.take() else {
                throw Failure(.malformedWeights, "an update has at least one array")
            }
            try gateway.check(validator.arrays, of: request.round)
            let sealed: SealedRecord
            do throws(EnvelopeFailure) { sealed = try seal(sealer) } catch { throw Failure(error) }
            store(sealed, exchange)
            return .later
        } catch {
            return .reply(refuse(error))
        }
    }

    func ended(_ exchange: Exchange, _ outcome: Outcome) {
        patience?.cancel()
        gateway.admission.leave(exchange)
        sealer = nil
    }

    /// Memory for the next piece; false when the exchange has to wait for it.
    private func makeRoom(for count: Int, _ exchange: Exchange) throws(Failure) -> Bool {
        if sealer?.fits(count) == true { return true }
        // An announced body gets all its memory at once; others grow by doubling.
        let payload = request.contentLength ?? min(max(2 * received, received + count, 256 << 10), gateway.maxBody)
        let form = gateway.configuration.uploads
        let capacity = RecordSealer.capacity(
            forPayload: payload, envelope: form.envelope, compression: form.compression, metadata: gateway.metadataRoom)
        guard let slab = gateway.admission.acquire(capacity, for: exchange) else {
            try wait(exchange)
            return false
        }
        if sealer == nil {
            sealer = RecordSealer(
                slab: slab, envelope: form.envelope, compression: form.compression, metadata: gateway.metadataRoom)
        } else {
            sealer?.move(to: slab)
        }
        return true
    }

    private func wait(_ exchange: Exchange) throws(Failure) {
        if isImpatient { throw Failure(.busy, "no memory came free within \(gateway.configuration.admissionPatience)") }
        guard patience == nil else { return }
        gateway.metrics.waits.add()
        patience = gateway.timers.schedule(after: gateway.configuration.admissionPatience) { [weak self] in
            self?.giveUp(exchange)
        }
    }

    /// Thread: the timers'.
    ///
    /// The flag is read by the worker after the resume, which orders the two.
    private func giveUp(_ exchange: Exchange) {
        isImpatient = true
        exchange.resume()
    }

    private func seal(_ sealer: consuming RecordSealer) throws(EnvelopeFailure) -> SealedRecord {
        let request = self.request
        return try sealer.seal(
            format: "binary_custom", dataType: request.dataType, modelVersion: request.modelVersion,
            extraHeaders: request.traceHeaders
        ) { summary in
            var metadata = request.metadata
            metadata["body_digest"] = .string(summary.bodyDigest)
            metadata["body_size"] = .integer(Int64(summary.originalSize))
            return Message(
                messageID: MessageID.make(), type: .weightUpdate, senderID: request.clientID,
                timestamp: Timestamp.now(), roundNumber: request.round, metadata: metadata)
        }
    }

    private func store(_ sealed: SealedRecord, _ exchange: Exchange) {
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
