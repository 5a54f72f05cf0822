import Glibc
import Telemetry
import Testing
import WireJSON

@Suite struct LogTests {
    /// What a body writes to the descriptor that it gets.
    private func lines(_ body: (Int32) -> Void) -> [String] {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        body(ends[1])
        close(ends[1])
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(ends[0], &buffer, buffer.count)
            if count <= 0 { break }
            text += buffer[..<count]
        }
        close(ends[0])
        return String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @Test func jsonLinesParseWhateverAPeerSays() throws {
        let lines = lines { descriptor in
            let logger = Logger(lowest: .info, format: .json, output: LogOutput(direct: descriptor))
            logger.event(.info, "a\nb\"") { line in
                line.text("path", "/x\u{1}\"\\")
                line.integer("status", 200)
                line.number("level", .nan)
            }
        }
        #expect(lines.count == 1)
        let object = try #require(try JSONValue(parsing: lines[0].utf8).objectValue)
        #expect(object["message"]?.stringValue == "a\nb\"" && object["path"]?.stringValue == "/x\u{1}\"\\")
        #expect(
            object["status"]?.integerValue == 200 && object["level_"] == .null && object["level"] == .string("info"))
    }

    @Test func theLevelChangesForAllCopies() {
        let lines = lines { descriptor in
            let logger = Logger(lowest: .warning, descriptor: descriptor)
            let copy = logger
            copy.info("unseen")
            logger.lowest = .info
            copy.info("seen", [("field", "a b")])
        }
        #expect(lines.count == 1 && lines[0].hasSuffix(" info seen field=\"a b\""))
    }

    @Test func aQueueWritesEverythingBeforeItCloses() {
        let lines = lines { descriptor in
            guard let output = LogOutput(queued: descriptor) else { return }
            let logger = Logger(lowest: .info, format: .text, output: output)
            for number in 0..<100 { logger.info("line \(number)") }
            output.close()
            logger.info("afterwards")
        }
        #expect(lines.count == 101)
    }

    @Test func whatDoesNotFitIsCountedAndNobodyWaits() throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let output = try #require(LogOutput(queued: ends[1], limit: 4096))
        let logger = Logger(lowest: .info, format: .text, output: output)
        // Nobody reads, so the pipe and the queue fill up.
        for number in 0..<10_000 { logger.info("a line of some length, number \(number)") }
        #expect(output.dropped.value > 0)
        // The writer ends with an error instead of waiting for ever.
        signal(SIGPIPE, SIG_IGN)
        close(ends[0])
        output.close()
        close(ends[1])
    }
}
