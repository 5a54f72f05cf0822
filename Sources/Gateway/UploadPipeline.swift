internal import Bytes
internal import Compression
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
        /// With what the body said beside the arrays.
        let request: UploadRequest
        /// The chunks that have to be on the log before the record, where there are any.
        let flight: ChunkFlight?
    }

    /// Bytes that a decoder may keep without a reservation.
    private static let littleState = 256 << 10

    private let gateway: GatewayCore
    private var request: UploadRequest
    private var decoder: any WeightDecoder
    /// For what the decoder keeps, where that is more than a little.
    private var kept: [Reservation] = []
    private var decoded = DecodedWeights(arrays: [], metadata: [:])
    private let dropping = DroppingSink()
    private var sink: UploadSink
    /// What turns the body into what is stored, where that is another thing.
    private var stages: BodyStages?
    /// Of the body as sent, where that is not what is stored.
    private var bodyDigest: SHA256?
    /// Of the piece that was brought last and has to be brought again.
    private var taken = 0
    /// What came out of the stages and waits for room, while it lies elsewhere than in the piece.
    private var pending: UnsafeRawBufferPointer?
    /// The same where it lies in the piece, which may be brought again from another place.
    private var pendingInPiece: Range<Int>?
    private var sha512: SHA512?
    /// Of the body as sent, lowercase hex, where that is not what is stored.
    private var sentDigest: String?
    /// The client's own metadata.
    private var said: [String: JSONValue] = [:]
    private var received = 0
    private let patience = Patience()
    private var profile = UploadProfile()

    init(_ gateway: GatewayCore, _ request: UploadRequest) throws(Failure) {
        self.gateway = gateway
        self.request = request
        let limits = DecodeLimits(decodedBytes: UInt64(gateway.configuration.maxDecodedBytes))
        stages = try BodyStages.make(request.form, limits: limits)
        decoder = Self.decoder(request.form.format, stages, limits)
        bodyDigest = stages == nil ? nil : SHA256()
        sink = UploadSink(
            gateway, clientID: request.clientID, contentLength: stages == nil ? request.contentLength : nil)
        if request.digest.sha512 != nil { sha512 = SHA512() }
    }

    private static func decoder(
        _ format: BodyForm.Format, _ stages: BodyStages?, _ limits: DecodeLimits
    ) -> any WeightDecoder {
        if let package = stages?.package { return PackagedDecoder(package, limits) }
        return switch format {
        case .sniffed, .package: SniffingDecoder(limits: limits)
        case .named(let name): WeightFormats.named(name)?.decoder?(limits) ?? SniffingDecoder(limits: limits)
        case .raw: FEDWT001Decoder(limits: limits)
        case .multipart: NPZDecoder(limits: limits)
        }
    }

    /// The name that the package gets.
    private var format: String {
        switch request.form.format {
        case .sniffed: (decoder as? SniffingDecoder)?.format?.name ?? WeightFormats.standard.name
        case .named(let name): name
        case .raw: WeightFormats.standard.name
        case .multipart: "npz"
        case .package: stages?.package?.header?.format ?? WeightFormats.standard.name
        }
    }

    /// Takes a piece, or says that the waiter has to wait and bring it again.
    func take(_ piece: UnsafeRawBufferPointer, _ waiter: any Waiter) throws(Failure) -> Bool {
        guard received + piece.count <= gateway.maxBody else { throw UploadRequest.tooLarge(gateway.maxBody) }
        if received == 0, taken == 0 { try beginPackage(piece) }
        profile.begin()
        if let stages {
            guard try take(piece, by: stages, waiter) else { return false }
        } else {
            guard try makeRoom(for: piece.count, waiter) else { return false }
            try store(piece)
        }
        bodyDigest?.update(piece)
        sha512?.update(piece)
        received += piece.count
        return true
    }

    /// A body of which nothing was said may be a package, as its first bytes then tell.
    private func beginPackage(_ piece: UnsafeRawBufferPointer) throws(Failure) {
        guard request.form == BodyForm(format: .sniffed), PackageReader.isPackage(piece) else { return }
        let limits = DecodeLimits(decodedBytes: UInt64(gateway.configuration.maxDecodedBytes))
        request = request.as(BodyForm(format: .package))
        stages = try BodyStages.make(request.form, limits: limits)
        decoder = Self.decoder(request.form.format, stages, limits)
        bodyDigest = SHA256()
        sink = UploadSink(gateway, clientID: request.clientID, contentLength: nil)
    }

    private func take(
        _ piece: UnsafeRawBufferPointer, by stages: BodyStages, _ waiter: any Waiter
    ) throws(Failure) -> Bool {
        var rest = UnsafeRawBufferPointer(rebasing: piece[taken...])
        if let range = pendingInPiece.take() { pending = UnsafeRawBufferPointer(rebasing: piece[range]) }
        while true {
            if let part = pending {
                guard try makeRoom(for: part.count, waiter) else {
                    taken = piece.count - rest.count
                    pendingInPiece = piece.place(of: part)
                    return false
                }
                try store(part)
            }
            do { pending = try stages.step(&rest) } catch let wanted as MemoryWanted {
                guard try supply(wanted, waiter) else {
                    taken = piece.count - rest.count
                    return false
                }
                continue
            } catch {
                gateway.profile.unwrap.failed()
                throw Failure(body: error)
            }
            profile.unwrapped()
            if pending == nil { break }
        }
        taken = 0
        return true
    }

    private func store(_ piece: UnsafeRawBufferPointer) throws(Failure) {
        do { try decoder.feed(piece, to: dropping) } catch { throw refused(error) }
        if let standard {
            sink.note(.arrays, standard.takeExtents())
        }
        profile.decodedBytes += piece.count
        profile.decoded()
        do throws(EnvelopeFailure) { try sink.write(piece) } catch { throw Failure(error) }
        profile.packed()
    }

    /// The decoder of FEDWT001, when that is what is stored.
    private var standard: FEDWT001Decoder? {
        decoder as? FEDWT001Decoder ?? (decoder as? SniffingDecoder)?.standard
            ?? (decoder as? PackagedDecoder)?.standard
    }

    /// A body that its decoder does not understand.
    private func refused(_ error: any Error) -> Failure {
        if !(error is UnknownFormat) { gateway.profile.decode(format)?.failed() }
        return Failure(body: decoder.named(error))
    }

    func finish() throws(Failure) -> Finished {
        profile.begin()
        do { try stages?.finish() } catch {
            gateway.profile.unwrap.failed()
            throw Failure(body: error)
        }
        do { decoded = try decoder.finish(to: dropping) } catch { throw refused(error) }
        profile.decoded()
        let sealed = try sink.finish()
        profile.packed()
        let finished: Finished
        if let digest = bodyDigest.take() { sentDigest = Hex.encode(digest.finalize()) }
        if let header = stages?.package?.header { request = try request.completed(by: header) }
        said = try request.metadata(with: stages?.fields ?? [:])
        do throws(EnvelopeFailure) {
            switch consume sealed {
            case .record(let sealer)?:
                finished = Finished(
                    record: try seal(sealer), arrays: decoded.arrays.map(\.spec), request: request, flight: nil)
            case .chunks(let payload, let commit, let flight)?:
                finished = Finished(
                    record: try seal(payload, commit), arrays: decoded.arrays.map(\.spec), request: request,
                    flight: flight)
            case nil: throw EnvelopeFailure("payload", "is empty")
            }
        } catch { throw Failure(error) }
        sink.release()
        stages = nil
        profile.sealed()
        profile.succeeded(
            gateway.profile, format: format, received: received, unwrapped: sentDigest != nil,
            stored: finished.record.summary.storedSize)
        try request.digest.verify(
            sha256: sentDigest ?? finished.record.summary.bodyDigest, sha512: sha512.take()?.finalize())
        return finished
    }

    /// Gives back what it holds; nothing follows.
    func end(_ waiter: any Waiter) {
        patience.end()
        gateway.admission.leave(waiter)
        sink = UploadSink(gateway, clientID: "", contentLength: nil)
        stages = nil
        decoder = SniffingDecoder(limits: DecodeLimits(decodedBytes: 0))
        kept = []
    }

    private func makeRoom(for count: Int, _ waiter: any Waiter) throws(Failure) -> Bool {
        guard try reserveState(waiter) else { return false }
        switch try sink.makeRoom(for: count, waiter) {
        case .enough:
            patience.end()
            return true
        case .waitForLog:
            // The log's own time limit ends this.
            return false
        case .waitForMemory:
            try wait(waiter)
            return false
        }
    }

    /// Reserves what the decoder keeps by now: a pickle may make many objects of few bytes.
    private func reserveState(_ waiter: any Waiter) throws(Failure) -> Bool {
        let reserved = kept.reduce(0) { $0 + $1.count }
        guard decoder.memory > reserved + Self.littleState else { return true }
        let more = max(decoder.memory - reserved, 8 * Self.littleState)
        guard reserved + more <= gateway.admission.mostReserved else {
            var failure = needsMuch("the body's objects need", reserved + more, "send arrays alone")
            failure.offset = UInt64(received)
            throw failure
        }
        guard let memory = try reserve(more, waiter) else { return false }
        kept.append(memory)
        return true
    }

    /// Reserves what a stage wants, or says that the waiter has to wait.
    private func supply(_ wanted: MemoryWanted, _ waiter: any Waiter) throws(Failure) -> Bool {
        guard wanted.bytes <= gateway.admission.mostReserved else {
            throw needsMuch("decompression needs", wanted.bytes, "compress with a smaller window")
        }
        guard let memory = try reserve(wanted.bytes, waiter) else { return false }
        wanted.stage.grant(memory)
        return true
    }

    private func needsMuch(_ what: String, _ bytes: Int, _ advice: String) -> Failure {
        let most = gateway.admission.mostReserved
        return Failure(.tooLarge, "\(what) \(bytes) bytes of memory, over \(most): \(advice)", limit: UInt64(most))
    }

    /// Memory that is no slab's; nil when the waiter has to wait.
    private func reserve(_ bytes: Int, _ waiter: any Waiter) throws(Failure) -> Reservation? {
        guard let memory = gateway.admission.reserve(bytes, for: waiter) else {
            try wait(waiter)
            return nil
        }
        patience.end()
        return memory
    }

    private func wait(_ waiter: any Waiter) throws(Failure) {
        try sink.giveWay()
        let limit = gateway.configuration.admissionPatience
        if patience.isOver { throw Failure(.busy, "no memory came free within \(limit)") }
        if patience.begin(gateway.timers, for: limit, waiter) { gateway.metrics.waits.add() }
    }

    private func seal(_ sealer: consuming RecordSealer) throws(EnvelopeFailure) -> SealedRecord {
        try sealer.seal(
            format: format, dataType: request.dataType, modelVersion: request.modelVersion,
            extraHeaders: request.traceHeaders
        ) { message(MessageID.make(), $0) }
    }

    private func seal(
        _ payload: ChunkedPayload, _ sealer: consuming RecordSealer
    ) throws(EnvelopeFailure) -> SealedRecord {
        try sealer.commit(
            payload, format: format, dataType: request.dataType, modelVersion: request.modelVersion,
            extraHeaders: request.traceHeaders
        ) { message(payload.messageID, $0) }
    }

    private func message(_ id: String, _ summary: PayloadSummary) -> Message {
        var metadata = said
        metadata[UpdateMetadata.bodyDigest] = .string(sentDigest ?? summary.bodyDigest)
        metadata[UpdateMetadata.bodySize] = .integer(Int64(summary.originalSize))
        metadata[UpdateMetadata.arrays] = .integer(Int64(decoded.arrays.count))
        metadata[UpdateMetadata.parameters] = .integer(decoded.arrays.reduce(0) { $0 &+ Int64($1.spec.count) })
        if let key = request.idempotencyKey { metadata[UpdateMetadata.idempotencyKey] = .string(key) }
        return Message(
            messageID: id, type: .weightUpdate, senderID: request.clientID, timestamp: Timestamp.now(),
            roundNumber: request.round, metadata: metadata)
    }
}

extension UnsafeRawBufferPointer {
    /// Where a part of these bytes begins and ends among them; nil when it lies elsewhere.
    fileprivate func place(of part: UnsafeRawBufferPointer) -> Range<Int>? {
        guard let base = baseAddress, let start = part.baseAddress, start >= base, start + part.count <= base + count
        else { return nil }
        return start - base..<start - base + part.count
    }
}
