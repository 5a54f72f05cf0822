internal import Bytes
internal import Compression
internal import Envelopes
internal import EventLog

/// Where the bytes of an upload go: one record while they fit one, chunks on the log as soon as they do not.
///
/// Thread: the exchange's worker, or the thread of a replay.
struct UploadSink: ~Copyable {
    /// What the log has to get when the body is complete.
    enum Sealed: ~Copyable {
        /// One record, ready to be made.
        case record(RecordSealer)
        /// The commit record of chunks, which have to land before.
        case chunks(ChunkedPayload, RecordSealer, ChunkFlight)
    }

    /// What is missing before bytes can be taken.
    enum Room {
        case enough, waitForMemory, waitForLog
    }

    private let gateway: GatewayCore
    private let clientID: String
    private let contentLength: Int?
    private var record: RecordSealer?
    private var chunks: ChunkSealer?
    private let flight: ChunkFlight
    /// One and the same for all of the upload.
    private let sizes: RecordLimits.Sizes
    private var received = 0
    /// For what compresses the payload; grows when the payload turns out to be larger.
    private var compressor: [Reservation] = []

    init(_ gateway: GatewayCore, clientID: String, contentLength: Int?) {
        self.gateway = gateway
        self.clientID = clientID
        self.contentLength = contentLength
        sizes = gateway.records.sizes
        // Two at least, so that one can be filled while another is on its way.
        flight = ChunkFlight(most: max(2, gateway.configuration.uploadWindow / sizes.chunk))
    }

    /// Gets memory for the next bytes.
    mutating func makeRoom(for count: Int, _ waiter: any Waiter) throws(Failure) -> Room {
        guard try reserveCompressor(for: count, waiter) else { return .waitForMemory }
        if chunks == nil {
            if record?.fits(count) == true { return .enough }
            // An announced body gets all its memory at once; others grow by doubling.
            let most = contentLength ?? received + count
            if most <= sizes.payload {
                let payload = contentLength ?? min(max(2 * most, 256 << 10), sizes.payload)
                if growRecord(to: payload, waiter) { return .enough }
                guard record != nil else { return .waitForMemory }
            }
            try beginChunks()
        }
        if let failure = flight.failure { throw gateway.failure(chunk: failure) }
        guard flight.hasRoom(for: waiter) else { return .waitForLog }
        let missing = chunks?.slabsMissing(for: count) ?? 0
        guard let slabs = gateway.admission.acquire(missing, of: sizes.chunk, for: waiter) else {
            return .waitForMemory
        }
        for slab in slabs { chunks?.give(slab) }
        return .enough
    }

    /// Gives back the memory that the payload is in: what there is of it goes to the log as a chunk.
    ///
    /// Who waits for memory holds none of what others wait for, or all could wait for one another.
    mutating func giveWay() throws(Failure) {
        if record != nil { try beginChunks() }
        let send = send
        chunks?.giveWay(emit: send)
    }

    /// Says what the next bytes hold, for a compression that looks at it.
    func note(_ content: CompressionChoice.Content, _ extents: [PlaneExtent]) {
        if chunks != nil {
            chunks?.note(content, extents)
        } else {
            record?.note(content, extents)
        }
    }

    /// Takes bytes for which there is room.
    mutating func write(_ piece: UnsafeRawBufferPointer) throws(EnvelopeFailure) {
        received += piece.count
        let send = send
        if chunks != nil {
            try chunks?.write(piece, emit: send)
        } else {
            try record?.write(piece)
        }
    }

    /// Ends the payload; nil when there was none.
    ///
    /// It takes what little memory it still needs, since it cannot wait.
    mutating func finish() throws(Failure) -> Sealed? {
        guard var chunks = chunks.take() else {
            guard let record = record.take() else { return nil }
            return .record(record)
        }
        guard let last = gateway.admission.finish(chunks.slabsMissing(for: 0), of: sizes.chunk),
            let commit = gateway.admission.finish(1, of: capacity(forPayload: 0))?.first
        else { throw Failure(.busy, "the system has no memory") }
        for slab in last { chunks.give(slab) }
        do throws(EnvelopeFailure) {
            return .chunks(try chunks.finish(emit: send), sealer(commit), flight)
        } catch { throw Failure(error) }
    }

    /// Gives the compressor's memory back, when what `finish` gave is sealed.
    mutating func release() { compressor = [] }

    private mutating func reserveCompressor(for count: Int, _ waiter: any Waiter) throws(Failure) -> Bool {
        let policy = gateway.configuration.uploads.compression
        guard !policy.isNone else { return true }
        // Of a body that came in stages the size is not known.
        let payload = max(contentLength ?? 0, received + count)
        let missing =
            PayloadCompressor.memory(policy, payload: payload) - compressor.reduce(0) { $0 + $1.count }
        guard missing > 0 else { return true }
        guard missing <= gateway.admission.mostReserved else {
            let most = gateway.admission.mostReserved
            throw Failure(
                .busy, "compressing by \(policy.name) takes \(missing) bytes, of which --memory has \(most)",
                limit: UInt64(most))
        }
        guard let more = gateway.admission.reserve(missing, for: waiter) else { return false }
        compressor.append(more)
        return true
    }

    private mutating func growRecord(to payload: Int, _ waiter: any Waiter) -> Bool {
        guard let slab = gateway.admission.acquire(1, of: capacity(forPayload: payload), for: waiter)?.first else {
            return false
        }
        if record == nil { record = sealer(slab) } else { record?.move(to: slab) }
        return true
    }

    /// From here on the payload is in chunks; what there is of it already becomes the first of them.
    private mutating func beginChunks() throws(Failure) {
        let id = MessageID.make()
        let key = Array(clientID.utf8)
        if let begun = record.take() {
            do throws(EnvelopeFailure) {
                chunks = try ChunkSealer(
                    continuing: begun, messageID: id, key: key, chunkSize: sizes.chunk, emit: send)
            } catch { throw Failure(error) }
        } else {
            chunks = ChunkSealer(
                messageID: id, key: key, chunkSize: sizes.chunk,
                compression: gateway.configuration.uploads.compression)
        }
    }

    private func capacity(forPayload payload: Int) -> Int {
        let form = gateway.configuration.uploads
        return RecordSealer.capacity(
            forPayload: payload, envelope: form.envelope, compression: form.compression, metadata: gateway.metadataRoom)
    }

    private func sealer(_ slab: Slab) -> RecordSealer {
        let form = gateway.configuration.uploads
        return RecordSealer(
            slab: slab, envelope: form.envelope, compression: form.compression, metadata: gateway.metadataRoom)
    }

    private var send: (Record) -> Void {
        { [flight, gateway] record in
            flight.tookOff()
            gateway.log.append(record, to: TopicName.updates) { result in
                switch result {
                case .success(let position):
                    gateway.updates.passed(position)
                    flight.landed(nil)
                case .failure(let failure): flight.landed(failure)
                }
            }
        }
    }
}
