internal import Base64
internal import Bytes
internal import Compression
internal import Envelopes
internal import EventLog
internal import Glibc

/// Megabytes of payload a second, one thread: base64 alone, and whole messages in either envelope, sealed and opened.
///
///     measure BYTES TURNS
@main
enum Measure {
    static func main() throws {
        let words = CommandLine.arguments.dropFirst().compactMap { Int($0) }
        guard words.count == 2, words[0] >= 3, words[1] >= 1 else {
            print("measure BYTES TURNS")
            exit(2)
        }
        let size = words[0] / 3 * 3
        var random = SystemRandomNumberGenerator()
        var payload = [UInt8](repeating: 0, count: size)
        for index in payload.indices { payload[index] = UInt8.random(in: 0...255, using: &random) }
        try payload.withUnsafeBytes { payload in
            for _ in 0..<words[1] { try turn(payload) }
        }
    }

    /// One line: the six speeds.
    private static func turn(_ payload: UnsafeRawBufferPointer) throws {
        let text = UnsafeMutableRawBufferPointer.allocate(byteCount: Base64.encodedCount(payload.count), alignment: 64)
        let back = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Base64.decodingRoom(text.count), alignment: 64)
        defer {
            text.deallocate()
            back.deallocate()
        }
        guard let textBase = text.baseAddress, let backBase = back.baseAddress else { return }
        // The pages are there before anything is measured.
        memset(textBase, 1, text.count)
        memset(backBase, 1, back.count)
        let encode = speed(payload.count) { Base64.encode(payload, to: textBase) }
        let decode = try speed(payload.count) {
            let count = try Base64.decode(UnsafeRawBufferPointer(text), to: backBase)
            precondition(count == payload.count)
        }
        precondition(back[..<payload.count].elementsEqual(payload))
        let json = try envelope(.json, payload)
        let binary = try envelope(.binary, payload)
        print(encode, decode, json.seal, json.open, binary.seal, binary.open)
    }

    private static func envelope(
        _ kind: EnvelopeKind, _ payload: UnsafeRawBufferPointer
    ) throws -> (seal: Double, open: Double) {
        let capacity = RecordSealer.capacity(forPayload: payload.count, envelope: kind, compression: .fixed(.none))
        let pool = SlabPool(limit: 2 * capacity + (1 << 20))
        // A gateway's slabs were used before.
        if let slab = pool.acquire(capacity) { memset(slab.base, 1, slab.capacity) }
        guard let slab = pool.acquire(capacity) else { exit(1) }
        var sealed: SealedRecord?
        let seal = try speed(payload.count) {
            var sealer = RecordSealer(slab: slab, envelope: kind, compression: .fixed(.none))
            // As the HTTP library hands a body over.
            for start in stride(from: 0, to: payload.count, by: 9 << 10) {
                let end = min(start + (9 << 10), payload.count)
                try sealer.write(UnsafeRawBufferPointer(rebasing: payload[start..<end]))
            }
            sealed = try sealer.seal(
                format: "binary_custom", dataType: .modelWeights, modelVersion: nil, extraHeaders: []
            ) { _ in
                Message(
                    messageID: MessageID.make(), type: .weightUpdate, senderID: "client", timestamp: 1, roundNumber: 1,
                    metadata: [:])
            }
        }
        guard let record = sealed?.record else { exit(1) }
        let reader = MessageReader(limits: .init(maxStored: 2 * capacity, maxDecoded: 2 * capacity))
        func open() throws {
            let stored = StoredRecord(
                position: Position(topic: "t", partition: 0, offset: 0), timestamp: 1, key: nil,
                headers: record.headers, value: record.value)
            let isSame = try reader.read(stored) { opened in
                opened.payload.count == payload.count && opened.payload.first == payload.first
            }
            precondition(isSame)
        }
        // The reader's memory grows at its first message.
        try open()
        return (seal, try speed(payload.count) { try open() })
    }

    private static func speed(_ bytes: Int, _ work: () throws -> Void) rethrows -> Double {
        let started = ContinuousClock.now
        try work()
        let (seconds, attoseconds) = (ContinuousClock.now - started).components
        return (Double(bytes) / 1e6 / (Double(seconds) + Double(attoseconds) * 1e-18)).rounded()
    }
}
