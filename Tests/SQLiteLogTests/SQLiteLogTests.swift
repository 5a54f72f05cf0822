import Bytes
import EventLog
import EventLogConformance
import Foundation
import Testing
import Threads

@testable import SQLiteLog

/// A directory for one test.
final class Scratch {
    let path: String

    init() { path = NSTemporaryDirectory() + "fedgate-" + UUID().uuidString }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

@Suite struct SQLiteLogTests {
    private static let topic = "t"

    private func record(_ bytes: Int, _ pool: SlabPool, fill: UInt8 = 7) throws -> Record {
        let slab = try #require(pool.acquire(bytes))
        for index in 0..<bytes { slab.bytes[index] = fill }
        return Record(key: [1], headers: [], slab: slab, range: 0..<bytes)
    }

    private func append(_ log: SQLiteLog, _ record: Record) -> Result<Position, LogFailure>? {
        let answer = Monitor<Result<Position, LogFailure>?>(nil)
        log.append(record, to: Self.topic) { result in answer.change { $0 = result } }
        return answer.wait(within: .seconds(60)) { $0 }
    }

    @Test(arguments: EventLogConformance.cases)
    func doesWhatEveryLogDoes(_ conformance: ConformanceCase) throws {
        let scratch = Scratch()
        try conformance.run(topics: "t") { try SQLiteLog(directory: scratch.path) }
    }

    @Test func anotherOpeningOfTheDirectoryIsRefused() throws {
        let scratch = Scratch()
        let log = try SQLiteLog(directory: scratch.path)
        let failure = #expect(throws: LogFailure.self) { try SQLiteLog(directory: scratch.path) }
        #expect(failure?.reason.contains("in use by process \(getpid())") == true)
        log.close(within: .zero)
        try SQLiteLog(directory: scratch.path).close(within: .zero)
    }

    /// The limit of the database's size stands for a full disk: SQLite reports both alike.
    @Test func aFullDiskIsSaidAndHarmsNothing() throws {
        let scratch = Scratch()
        let pool = SlabPool(limit: 64 << 20)
        let log = try SQLiteLog(directory: scratch.path, maxBytes: 1 << 20)
        _ = try log.prepare([TopicSpec(name: Self.topic, partitions: 1, maxRecordBytes: 1 << 20)])
        #expect(throws: Never.self) { try #require(append(log, try record(300_000, pool))).get() }
        let failure = #expect(throws: LogFailure.self) { try #require(append(log, try record(900_000, pool))).get() }
        #expect(failure?.kind == .full)
        #expect(throws: Never.self) { try #require(append(log, try record(100, pool))).get() }
        #expect(try log.ends(of: Self.topic) == [0: 0..<2])
        log.close(within: .zero)
        let larger = try SQLiteLog(directory: scratch.path, maxBytes: 16 << 20)
        _ = try larger.prepare([TopicSpec(name: Self.topic, partitions: 1, maxRecordBytes: 1 << 20)])
        #expect(throws: Never.self) { try #require(append(larger, try record(900_000, pool))).get() }
        larger.close(within: .zero)
    }

    @Test func appendsThatComeTogetherShareACommit() throws {
        let scratch = Scratch()
        let pool = SlabPool(limit: 64 << 20)
        let log = try SQLiteLog(directory: scratch.path)
        _ = try log.prepare([TopicSpec(name: Self.topic, partitions: 1, maxRecordBytes: 1 << 20)])
        let answers = Monitor(0)
        for _ in 0..<500 {
            log.append(try record(100, pool), to: Self.topic) { _ in answers.change { $0 += 1 } }
        }
        #expect(answers.wait(within: .seconds(60)) { $0 == 500 ? true : nil } == true)
        #expect(log.commits < 500)
        log.close(within: .zero)
    }

    /// A child process appends and says what was acknowledged; it is killed in the midst of it, again and again.
    @Test func whatWasAcknowledgedSurvivesKill9() throws {
        let scratch = Scratch()
        var acknowledged: Int64 = -1
        for _ in 0..<5 {
            let (child, output) = try crasher(scratch.path)
            var text = ""
            while text.split(separator: "\n").count < 20 {
                let piece = output.fileHandleForReading.availableData
                if piece.isEmpty { break }
                text += String(decoding: piece, as: UTF8.self)
            }
            kill(child.processIdentifier, SIGKILL)
            text += String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            child.waitUntilExit()
            // The last line may be cut off; a whole one is an acknowledgement.
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            acknowledged = max(acknowledged, lines.compactMap { Int64($0) }.max() ?? -1)
            let log = try SQLiteLog(directory: scratch.path)
            _ = try log.prepare([TopicSpec(name: Self.topic, partitions: 1, maxRecordBytes: 1 << 20)])
            let tail = try log.tail(Self.topic, from: [:])
            var next: Int64 = 0
            try tail.catchUp(with: Self.topic, of: log) { record in
                #expect(record.position.offset == next)
                #expect(
                    record.value.count == 50_000 && record.value.allSatisfy { $0 == UInt8(truncatingIfNeeded: next) })
                next += 1
            }
            #expect(next > acknowledged)
            tail.close()
            log.close(within: .zero)
        }
        #expect(acknowledged >= 20)
    }

    private func crasher(_ directory: String) throws -> (Process, Pipe) {
        let child = Process()
        let products = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        child.executableURL = products.appendingPathComponent("sqlite-log-crasher")
        child.arguments = [directory]
        let output = Pipe()
        child.standardOutput = output
        try child.run()
        return (child, output)
    }
}
