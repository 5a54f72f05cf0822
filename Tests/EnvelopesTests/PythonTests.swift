import EventLog
import Foundation
import Testing

@testable import Envelopes

/// Python's standard library is the other implementation: it reads what is written here and writes what is read here.
@Suite struct PythonTests {
    private static let script = """
        import base64, hashlib, json, struct, sys
        def checksum(m, head):
            fields = [m["message_id"], m["message_type"], m["sender_id"], repr(float(m["timestamp"])), str(m["round_number"])]
            return hashlib.sha256("".join(f + "\\n" for f in fields).encode() + head).hexdigest()
        m = json.loads(sys.stdin.buffer.read())
        package = base64.b64decode(m["payload"], validate=True)
        assert package[:8] == b"FEDPK001"
        length, = struct.unpack("<I", package[8:12])
        head, payload = package[:12 + length], package[12 + length:]
        header = json.loads(head[12:])
        assert header["checksum"] == hashlib.sha256(payload).hexdigest()
        assert header["compressed_size"] == len(payload) == header["original_size"]
        assert m["checksum"] == checksum(m, head), "message checksum"
        for field in "format compression checksum original_size compressed_size timestamp model_version client_id round_number data_type".split():
            assert field in header, field
        m["timestamp"], m["round_number"] = 0.1 + 1e9, 12
        payload = payload[::-1] + b"!"
        header.update(checksum=hashlib.sha256(payload).hexdigest(), original_size=len(payload), compressed_size=len(payload), unknown=1)
        text = json.dumps(header).encode()
        head = b"FEDPK001" + struct.pack("<I", len(text)) + text
        m["payload"] = base64.b64encode(head + payload).decode()
        m["checksum"] = checksum(m, head)
        print(json.dumps(m))
        """

    private func python(_ input: [UInt8]) throws -> [UInt8] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", Self.script]
        let (stdin, stdout) = (Pipe(), Pipe())
        process.standardInput = stdin
        process.standardOutput = stdout
        try process.run()
        stdin.fileHandleForWriting.write(Data(input))
        try stdin.fileHandleForWriting.close()
        let output = stdout.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        return [UInt8](output)
    }

    @Test(arguments: [0, 1, 2, 3, 1000])
    func readsAndWritesTheSameMessages(_ count: Int) throws {
        let payload = Sealing.payload(count)
        let sealed = try Sealing.seal(payload, .json, .none)
        let answer = try python([UInt8](sealed.record.value))
        let (message, _, opened) = try Sealing.open(answer, [])
        #expect(message.timestamp == 0.1 + 1e9 && message.roundNumber == 12)
        #expect(message.senderID == Sealing.message.senderID && message.metadata == Sealing.message.metadata)
        #expect(opened == payload.reversed() + [UInt8(ascii: "!")])
    }
}
