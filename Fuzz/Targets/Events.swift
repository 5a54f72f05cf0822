import EventLog

@testable import Envelopes

/// A record in the binary envelope: headers as lines, an empty line, the value.
enum Events {
    static func check(_ input: UnsafeRawBufferPointer, _ piece: Int) throws {
        var rest = input[...]
        var headers: [RecordHeader] = []
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let line = rest[..<end]
            rest = rest[(end + 1)...]
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { break }
            headers.append(RecordHeader(String(decoding: line[..<colon], as: UTF8.self), Array(line[(colon + 1)...])))
        }
        let record = StoredRecord(
            position: Position(topic: "t", partition: 0, offset: 0), timestamp: 0, key: nil, headers: headers,
            value: UnsafeRawBufferPointer(rebasing: rest))
        _ = try? MessageReader(limits: Packages.limits).read(record) { $0.payload.count }
        guard let (message, checksum) = try? CloudEvent.read(headers) else { return }
        // Written again it reads as the same.
        let again = try CloudEvent.read(try CloudEvent.headers(message, checksum: checksum))
        try require(again.message == message && again.checksum == checksum, "another message than before")
    }
}
