internal import Bytes
internal import EventLog

/// Makes the dead letter of a record: the record unchanged, and where it stood and why (protocol.md, section 6).
///
/// Thread: one.
final class DeadLetterWriter {
    private let pool: SlabPool
    private let limit: Int

    init(_ pool: SlabPool, limit: Int) {
        self.pool = pool
        self.limit = limit
    }

    func letter(for record: borrowing StoredRecord, because reason: String) throws(LogFailure) -> Record {
        let position = record.position
        var headers = record.headers
        func add(_ name: String, _ value: String) { headers.append(RecordHeader(name, Array(value.utf8))) }
        add("fed-error", reason)
        add("fed-error-topic", position.topic)
        add("fed-error-partition", String(position.partition))
        add("fed-error-offset", String(position.offset))
        let key = record.key.map { Array($0) } ?? []
        // What Kafka adds around a record; the same bound as for chunks (protocol.md, section 5).
        let overhead = key.count + headers.reduce(2048) { $0 + $1.name.utf8.count + $1.value.count + 16 }
        var value = record.value
        if value.count > limit - overhead {
            add("fed-error-truncated", "true")
            value = UnsafeRawBufferPointer(start: nil, count: 0)
        }
        guard let slab = pool.acquire(value.count) else {
            throw LogFailure(.full, "no memory for a dead letter of \(value.count) bytes")
        }
        UnsafeMutableRawBufferPointer(rebasing: slab.bytes[..<value.count]).copyMemory(from: value)
        return Record(key: key, headers: headers, slab: slab, range: 0..<value.count)
    }

    /// Where the record of a dead letter stood.
    static func origin(of headers: [RecordHeader]) -> Position? {
        func last(_ name: String) -> String? {
            headers.last { $0.name == name }.map { String(decoding: $0.value, as: UTF8.self) }
        }
        guard let topic = last("fed-error-topic"), let partition = last("fed-error-partition").flatMap({ Int32($0) }),
            let offset = last("fed-error-offset").flatMap({ Int64($0) })
        else { return nil }
        return Position(topic: topic, partition: partition, offset: offset)
    }
}
