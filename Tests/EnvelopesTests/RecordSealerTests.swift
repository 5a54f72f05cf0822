import Bytes
import Compression
import Envelopes
import EventLog
import Testing
import WireJSON

private let kinds = EnvelopeKind.allCases.flatMap { kind in Codec.allCases.map { (kind, $0) } }

@Suite struct RecordSealerTests {
    @Test(arguments: kinds)
    func everySizeRoundTrips(envelope: EnvelopeKind, compression: Codec) throws {
        let reader = MessageReader(limits: limits)
        for count in Array(0...40) + [255, 65_535, 65_536, 131_073, 1_000_000, 300_000, 1] {
            let payload = bytes(count)
            let sealed = try seal([payload], envelope, compression)
            let opened = try open(sealed, reader: reader)
            #expect(opened.message == sealed.message)
            #expect(opened.payload == payload)
            #expect(opened.storedPackage.count == sealed.packageSize)
            #expect(sealed.summary.bodyDigest == sha256(payload))
            #expect(sealed.summary.originalSize == count)
            #expect(sealed.summary.storedSize == opened.package.compressedSize)
            #expect(sealed.summary.checksum == opened.package.checksum)
            #expect(sha256(opened.storedPackage.suffix(sealed.summary.storedSize)) == sealed.summary.checksum)
            if compression == .none { #expect(sealed.summary.bodyDigest == sealed.summary.checksum) }
        }
    }

    @Test(arguments: kinds)
    func splitsAnywhereGiveTheSame(envelope: EnvelopeKind, compression: Codec) throws {
        let payload = bytes(23)
        for first in 0...payload.count {
            for second in first...payload.count {
                let pieces = [Array(payload[..<first]), Array(payload[first..<second]), Array(payload[second...])]
                #expect(try open(try seal(pieces, envelope, compression)).payload == payload)
            }
        }
        let bytewise = try open(try seal(payload.map { [$0] }, envelope, compression))
        #expect(bytewise.payload == payload)
    }

    @Test(arguments: kinds)
    func fieldsTravel(envelope: EnvelopeKind, compression: Codec) throws {
        let trace = RecordHeader("traceparent", Array("00-1".utf8))
        let sealed = try seal([[1, 2, 3]], envelope, compression, extraHeaders: [trace])
        let opened = try open(sealed)
        let header = opened.package
        #expect(header.format == "binary_custom" && header.compression == compression && header.filter == .none)
        #expect(header.clientID == sealed.message.senderID && header.roundNumber == 3)
        #expect(header.timestamp == sealed.message.timestamp && header.metadata == sealed.message.metadata)
        #expect(header.modelVersion == "1.0" && header.dataType == .modelWeights && header.originalSize == 3)
        #expect(sealed.record.headers.last == trace)
        #expect(sealed.record.key == Array(sealed.message.senderID.utf8))
        let result = try seal([[]], envelope, compression, message: message(type: .aggregationResult, round: 77))
        #expect(result.record.key == Array("77".utf8))
    }

    @Test(arguments: kinds)
    func growsIntoLargerSlabs(envelope: EnvelopeKind, compression: Codec) throws {
        let payload = bytes(900_000)
        let begin = RecordSealer.capacity(forPayload: 0, envelope: envelope, compression: .fixed(compression))
        var size = begin
        var sealer = RecordSealer(slab: try slab(size), envelope: envelope, compression: .fixed(compression))
        for start in stride(from: 0, to: payload.count, by: 70_001) {
            let piece = Array(payload[start..<min(start + 70_001, payload.count)])
            while !sealer.fits(piece.count) {
                size *= 2
                sealer.move(to: try slab(size))
            }
            try piece.withUnsafeBytes { try sealer.write($0) }
        }
        let sealed = try sealer.seal(
            format: "f", dataType: .bytes, modelVersion: nil, extraHeaders: []
        ) { _ in message() }
        #expect(try open(sealed).payload == payload)
    }

    /// Incompressible bytes in a slab of the size that is said to suffice; of the last count no larger one would.
    @Test(arguments: kinds)
    func theCapacitySuffices(envelope: EnvelopeKind, compression: Codec) throws {
        var random = SystemRandomNumberGenerator()
        let most = (0..<327_680).last {
            RecordSealer.capacity(forPayload: $0, envelope: envelope, compression: .fixed(compression)) <= 327_680
        }
        for count in [0, 1, 1000, 200_000, 3_000_001, most ?? 0] {
            let payload = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            let capacity = RecordSealer.capacity(
                forPayload: count, envelope: envelope, compression: .fixed(compression))
            let slab = try slab(capacity)
            var sealer = RecordSealer(slab: slab, envelope: envelope, compression: .fixed(compression))
            for start in stride(from: 0, to: count, by: 65_536) {
                let piece = Array(payload[start..<min(start + 65_536, count)])
                let fits = sealer.fits(piece.count)
                #expect(fits)
                try piece.withUnsafeBytes { try sealer.write($0) }
            }
            let fits = [0, slab.capacity, .max].map { sealer.fits($0) }
            #expect(fits == [true, false, false])
            let large: [String: JSONValue] = ["text": .string(String(repeating: "x", count: 16_300))]
            let sealed = try sealer.seal(
                format: "f", dataType: .bytes, modelVersion: nil, extraHeaders: []
            ) { _ in message(metadata: large) }
            let opened = try open(sealed)
            #expect(opened.payload == payload)
            #expect(opened.message.metadata == large)
        }
    }

    @Test(arguments: kinds)
    func metadataThatDoesNotFitIsRefusedUnlessRoomWasKept(envelope: EnvelopeKind, compression: Codec) throws {
        let large: [String: JSONValue] = ["text": .string(String(repeating: "x", count: 90_000))]
        let failed = refusedField { try seal([[1]], envelope, compression, message: message(metadata: large)) }
        #expect(failed == "metadata")
        let capacity = RecordSealer.capacity(
            forPayload: 1, envelope: envelope, compression: .fixed(compression), metadata: 90_100)
        var sealer = RecordSealer(
            slab: try slab(capacity), envelope: envelope, compression: .fixed(compression), metadata: 90_100)
        try [9].withUnsafeBytes { try sealer.write($0) }
        let sealed = try sealer.seal(
            format: "f", dataType: .bytes, modelVersion: nil, extraHeaders: []
        ) { _ in message(metadata: large) }
        #expect(try open(sealed).message.metadata == large)
    }

    @Test func theSummaryIsKnownBeforeTheMessage() throws {
        let capacity = RecordSealer.capacity(forPayload: 3, envelope: .json, compression: .fixed(.zstd))
        var sealer = RecordSealer(slab: try slab(capacity), envelope: .json, compression: .fixed(.zstd))
        try [1, 2, 3].withUnsafeBytes { try sealer.write(UnsafeRawBufferPointer(rebasing: $0[..<3])) }
        let sealed = try sealer.seal(
            format: "f", dataType: .bytes, modelVersion: nil, extraHeaders: []
        ) { message(metadata: ["body_digest": .string($0.bodyDigest)]) }
        #expect(try open(sealed).message.metadata["body_digest"] == .string(sealed.summary.bodyDigest))
    }

    @Test(
        arguments: [
            (message(sender: "a/b"), "sender_id"), (message(sender: ""), "sender_id"),
            (message(timestamp: -1), "timestamp"), (message(timestamp: .nan), "timestamp"),
            (message(timestamp: 253_402_300_800), "timestamp"), (message(round: -1), "round_number"),
            (message(round: 1 << 53), "round_number"), (message(metadata: ["x": .number(.infinity)]), "metadata"),
        ])
    func fieldsOutOfRangeAreNotWritten(message: Message, field: String) {
        for kind in EnvelopeKind.allCases {
            #expect(refusedField { try seal([[1]], kind, .none, message: message) } == field)
        }
    }

    @Test func headersOfTheEnvelopesOwnAreRefused() {
        for name in ["ce_specversion", "ce_custom", "content-type"] {
            #expect(refusedField { try seal([], .json, .none, extraHeaders: [RecordHeader(name, [])]) } == name)
        }
    }

    @Test func abandonedSealersLeaveNothingBehind() throws {
        for _ in 0..<40 {
            var sealer = RecordSealer(slab: try slab(1 << 20), envelope: .binary, compression: .fixed(.zstd))
            try bytes(200_000).withUnsafeBytes { try sealer.write($0) }
        }
        #expect(try open(try seal([bytes(5)], .binary, .zstd)).payload == bytes(5))
    }
}
