import Bytes
import EventLog
import Testing
import WireJSON

@testable import Envelopes

/// Makes and opens records, as the gateway and the aggregator do.
enum Sealing {
    static let message = Message(
        messageID: "0190-x", type: .weightUpdate, senderID: "Köln/ %".replacing("/", with: "|"),
        timestamp: 1_700_000_000.25, roundNumber: 7,
        metadata: ["num_samples": .integer(3), "note": .string("a\"\n\u{1}")])

    static func seal(
        _ payload: [UInt8], _ envelope: EnvelopeKind, _ compression: Compression, pieces: Int = .max,
        message: Message = message, headRoom: Int = 4096
    ) throws -> SealedRecord {
        let pool = SlabPool(limit: 64 << 20)
        let capacity = RecordSealer.capacity(
            forPayload: payload.count, envelope: envelope, compression: compression, headRoom: headRoom)
        let slab = try #require(pool.acquire(capacity))
        var sealer = try RecordSealer(slab: slab, envelope: envelope, compression: compression, headRoom: headRoom)
        try payload.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let piece = rest.prefix(pieces)
                let fits = sealer.fits(piece.count)
                #expect(fits)
                try sealer.write(UnsafeRawBufferPointer(rebasing: piece))
                rest = rest.dropFirst(piece.count)
            }
        }
        return try sealer.seal(
            format: "binary_custom", dataType: .modelWeights, modelVersion: "v1", extraHeaders: []
        ) { _ in message }
    }

    static func open(_ record: Record, limits: MessageReader.Limits = .init(maxStored: 64 << 20, maxDecoded: 64 << 20))
        throws -> (Message, PackageHeader, [UInt8])
    {
        let value = [UInt8](record.value)
        return try open(value, record.headers, limits)
    }

    static func open(
        _ value: [UInt8], _ headers: [RecordHeader],
        _ limits: MessageReader.Limits = .init(maxStored: 64 << 20, maxDecoded: 64 << 20)
    ) throws -> (Message, PackageHeader, [UInt8]) {
        try value.withUnsafeBytes { value in
            let stored = StoredRecord(
                position: Position(topic: "t", partition: 0, offset: 0), timestamp: 0, key: nil, headers: headers,
                value: value)
            return try MessageReader(limits: limits).read(stored) { opened in
                (opened.message, opened.package, [UInt8](opened.payload))
            }
        }
    }

    static func payload(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) } }
}

@Suite struct RoundTripTests {
    @Test(arguments: EnvelopeKind.allCases, Compression.allCases)
    func comesBackAsItWas(_ envelope: EnvelopeKind, _ compression: Compression) throws {
        for count in [0, 1, 2, 3, 4, 5, 6, 7, 8, 100, 4097, 300_000] {
            for pieces in [1, 2, 3, 5, 7, 1000, Int.max] where count / pieces < 5000 {
                let payload = Sealing.payload(count)
                let sealed = try Sealing.seal(payload, envelope, compression, pieces: pieces)
                let (message, package, opened) = try Sealing.open(sealed.record)
                #expect(message == Sealing.message)
                #expect(opened == payload)
                #expect(package.metadata == message.metadata)
                #expect(package.clientID == message.senderID && package.roundNumber == 7)
                #expect(package.originalSize == count && package.compressedSize == sealed.summary.storedSize)
                #expect(package.checksum == sealed.summary.checksum)
            }
        }
    }

    @Test func growsIntoALargerSlab() throws {
        let pool = SlabPool(limit: 64 << 20)
        let payload = Sealing.payload(200_000)
        let first = try #require(pool.acquire(8192 + 4096))
        let second = try #require(pool.acquire(1 << 20))
        var sealer = try RecordSealer(slab: first, envelope: .json, compression: .none, headRoom: 4096)
        try payload.withUnsafeBytes { bytes in
            try sealer.write(UnsafeRawBufferPointer(rebasing: bytes[..<1001]))
            let fits = sealer.fits(199_000)
            #expect(!fits)
            sealer.move(to: second)
            try sealer.write(UnsafeRawBufferPointer(rebasing: bytes[1001...]))
        }
        let sealed = try sealer.seal(
            format: "binary_custom", dataType: .gradients, modelVersion: nil, extraHeaders: []
        ) { _ in Sealing.message }
        #expect(try Sealing.open(sealed.record).2 == payload)
    }

    @Test(arguments: EnvelopeKind.allCases)
    func metadataThatDoesNotFitIsRefused(_ envelope: EnvelopeKind) {
        var message = Sealing.message
        message.metadata["long"] = .string(String(repeating: "x", count: 70_000))
        #expect(throws: EnvelopeFailure.self) {
            try Sealing.seal([1, 2, 3], envelope, .none, message: message, headRoom: 1024)
        }
    }
}
