internal import Base64
internal import Bytes
internal import Compression
internal import Digests
public import EventLog

extension RecordSealer {
    /// Ends the payload and makes the record.
    ///
    /// The head of the package takes client id, round, timestamp and metadata from the message. The record's key is the
    /// sender, of an aggregation result the round number.
    ///
    /// - Parameters:
    ///   - format: of the payload, such as `binary_custom`.
    ///   - dataType: what the payload means.
    ///   - modelVersion: which model it belongs to.
    ///   - extraHeaders: behind the envelope's own; none may be named as one of those.
    ///   - describe: gives the message for a payload of which all is known.
    /// - Throws: `EnvelopeFailure` when a field is out of its range, or `metadata` when it needs more room than there is.
    public consuming func seal(
        format: String, dataType: DataType, modelVersion: String?, extraHeaders: [RecordHeader],
        _ describe: (PayloadSummary) -> Message
    ) throws(EnvelopeFailure) -> SealedRecord {
        try seal(format, dataType, modelVersion, extraHeaders, nil, describe)
    }

    /// Makes the commit record of a payload that is in chunks; nothing may have been written.
    ///
    /// - Parameters:
    ///   - payload: all of whose chunks are on the log; its message id is the message's.
    ///   - format: of the payload, such as `binary_custom`.
    ///   - dataType: what the payload means.
    ///   - modelVersion: which model it belongs to.
    ///   - extraHeaders: behind the envelope's own; none may be named as one of those.
    ///   - describe: gives the message.
    /// - Throws: as `seal`.
    public consuming func commit(
        _ payload: ChunkedPayload, format: String, dataType: DataType, modelVersion: String?,
        extraHeaders: [RecordHeader], _ describe: (PayloadSummary) -> Message
    ) throws(EnvelopeFailure) -> SealedRecord {
        precondition(original == 0, "a commit record has no payload of its own")
        return try seal(format, dataType, modelVersion, extraHeaders, payload, describe)
    }

    private consuming func seal(
        _ format: String, _ dataType: DataType, _ modelVersion: String?, _ extraHeaders: [RecordHeader],
        _ chunked: ChunkedPayload?, _ describe: (PayloadSummary) -> Message
    ) throws(EnvelopeFailure) -> SealedRecord {
        guard fits(0) else { throw EnvelopeFailure("payload", "the slab is too small") }
        if let reserved = extraHeaders.first(where: { CloudEvent.isReserved($0.name) }) {
            throw EnvelopeFailure(reserved.name, "is a header of the envelope's own")
        }
        let summary = if let chunked { chunked.summary } else { try finishPayload() }
        let message = describe(summary)
        try message.check()
        let header = PackageHeader(
            format: format, compression: summary.compression, filter: summary.filter, checksum: summary.checksum,
            originalSize: summary.originalSize,
            compressedSize: summary.storedSize, timestamp: message.timestamp, modelVersion: modelVersion,
            clientID: message.senderID, roundNumber: message.roundNumber, dataType: dataType,
            metadata: message.metadata, chunks: chunked?.chunks)
        // A multiple of three, so that the base64 of head and payload is one text.
        let head = try PackageHead.encode(header, multiple: stored.room.envelope == .json ? 3 : 1)
        let checksum = head.withUnsafeBytes { MessageChecksum.compute(message, head: $0) }
        let key = message.type == .aggregationResult ? String(message.roundNumber) : message.senderID
        let (range, headers) =
            switch stored.room.envelope {
            case .binary:
                (try place(before: head, behind: []), try CloudEvent.headers(message, checksum: checksum))
            case .json:
                (try placeJSON(message, head, checksum), [RecordHeader]())
            }
        let record = Record(key: Array(key.utf8), headers: headers + extraHeaders, slab: stored.slab, range: range)
        return SealedRecord(
            record: record, message: message, summary: summary, packageSize: head.count + summary.storedSize)
    }

    private mutating func finishPayload() throws(EnvelopeFailure) -> PayloadSummary {
        try compress(UnsafeRawBufferPointer(start: nil, count: 0), ending: true)
        let checksum = Hex.encode(stored.finish())
        let digest = bodyDigest.take()?.finalize()
        return PayloadSummary(
            bodyDigest: digest.map { Hex.encode($0) } ?? checksum, originalSize: original, storedSize: stored.count,
            checksum: checksum, compression: choice.codec, filter: choice.filter)
    }

    /// The reference's JSON object around the payload's characters, which are there already.
    private func placeJSON(
        _ message: Message, _ head: [UInt8], _ checksum: String
    ) throws(EnvelopeFailure) -> Range<Int> {
        var prefix = JSONText()
        prefix.add("message_id", message.messageID)
        prefix.add("message_type", message.type.rawValue)
        prefix.add("sender_id", message.senderID)
        prefix.add("timestamp", float: message.timestamp)
        prefix.add("round_number", message.roundNumber)
        prefix.openString("payload")
        var suffix = JSONText(behindString: ())
        try suffix.add("metadata", message.metadata)
        suffix.add("checksum", checksum)
        suffix.close()
        let encoded = [UInt8](unsafeUninitializedCapacity: Base64.encodedCount(head.count)) { buffer, count in
            if let base = buffer.baseAddress { head.withUnsafeBytes { Base64.encode($0, to: base) } }
            count = Base64.encodedCount(head.count)
        }
        return try place(before: prefix.bytes + encoded, behind: suffix.bytes)
    }

    /// Puts bytes right before the payload and right behind it, if there is room.
    private func place(before: [UInt8], behind: [UInt8]) throws(EnvelopeFailure) -> Range<Int> {
        let start = stored.room.head - before.count
        let end = stored.end + behind.count
        guard start >= 0, end <= stored.slab.capacity else {
            throw EnvelopeFailure("metadata", "needs more room than was kept for it")
        }
        stored.slab.bytes[start..<stored.room.head].copyBytes(from: before)
        stored.slab.bytes[stored.end..<end].copyBytes(from: behind)
        return start..<end
    }
}
