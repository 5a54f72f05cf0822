import Compression
import Envelopes
import EventLog
import Testing
import WireJSON

@Suite(.enabled(if: Python.isThere, "python3 is not installed")) struct PythonInteropTests {
    @Test func pythonReadsWhatIsWritten() throws {
        let python = try Python()
        var number = 0
        let timestamps = [1_700_000_000.123456, 0, 1_700_000_000, 1.5e-7, 253_402_300_799.99997, 0.1]
        for envelope in EnvelopeKind.allCases {
            for compression in Codec.allCases {
                for (count, timestamp) in zip([0, 1, 2, 3, 1000, 200_000], timestamps) {
                    let sent = message(timestamp: timestamp)
                    let sealed = try seal([bytes(count)], envelope, compression, message: sent)
                    try python.put(sealed.record.value, "\(number).value")
                    try python.put(bytes(count), "\(number).payload")
                    try python.put(try headers(sealed), "\(number).headers")
                    try python.put(try fields(sent), "\(number).message")
                    number += 1
                }
            }
        }
        try python.run(PythonScripts.reads)
    }

    @Test func whatPythonWritesIsRead() throws {
        let python = try Python()
        try python.run(PythonScripts.writes)
        let payload = try python.get("payload")
        let headers = try #require(try JSONValue(parsing: python.get("headers")).objectValue)
        let records = headers.map { RecordHeader($0.key, Array(($0.value.stringValue ?? "").utf8)) }
        for opened in [try open(try python.get("json")), try open(try python.get("binary"), headers: records)] {
            #expect(opened.payload == payload)
            #expect(opened.message.messageID == "0190-py" && opened.message.type == .weightUpdate)
            #expect(opened.message.senderID == "zoë \"q\" 7" && opened.message.roundNumber == 5)
            #expect(opened.message.timestamp == 1_700_000_000.1234567)
            #expect(opened.message.metadata["note"] == .string("é\n\"/"))
            #expect(opened.message.metadata["nested"]?.objectValue?["x"] == .array([.number(1.5), .null, .bool(true)]))
            #expect(opened.package.dataType == .gradients && opened.package.metadata == [:])
        }
    }

    private func headers(_ sealed: SealedRecord) throws -> [UInt8] {
        try JSONValue.array(
            sealed.record.headers.map {
                .array([.string($0.name), .string(String(decoding: $0.value, as: UTF8.self))])
            }
        ).encoded()
    }

    private func fields(_ message: Message) throws -> [UInt8] {
        try JSONValue.object([
            "message_id": .string(message.messageID), "message_type": .string(message.type.rawValue),
            "sender_id": .string(message.senderID), "timestamp": .number(message.timestamp),
            "round_number": .integer(message.roundNumber), "metadata": .object(message.metadata),
        ]).encoded()
    }
}
