import Bytes
import EventLog
import EventLogConformance
import Files
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

    /// The limit of the log's size stands for a full disk.
    @Test func aFullDiskIsSaidAndHarmsNothing() throws {
        let scratch = Scratch()
        let pool = SlabPool(limit: 64 << 20)
        let log = try SQLiteLog(directory: scratch.path, maxBytes: 1 << 20)
        _ = try log.prepare([TopicSpec(name: Self.topic, partitions: 1, maxRecordBytes: 1 << 20)])
        _ = try #require(append(log, try record(300_000, pool))).get()
        let failure = #expect(throws: LogFailure.self) { try #require(append(log, try record(900_000, pool))).get() }
        #expect(failure?.kind == .full)
        _ = try #require(append(log, try record(100, pool))).get()
        #expect(try log.ends(of: Self.topic) == [0: 0..<2])
        log.close(within: .zero)
        let larger = try SQLiteLog(directory: scratch.path, maxBytes: 16 << 20)
        _ = try larger.prepare([TopicSpec(name: Self.topic, partitions: 1, maxRecordBytes: 1 << 20)])
        _ = try #require(append(larger, try record(900_000, pool))).get()
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
                    record.value.count == (next % 2 == 0 ? 50_000 : 100_000)
                        && record.value.allSatisfy { $0 == UInt8(truncatingIfNeeded: next) })
                next += 1
            }
            #expect(next > acknowledged)
            tail.close()
            log.close(within: .zero)
        }
        #expect(acknowledged >= 20)
    }

    private func prepared(_ path: String, maxBytes: Int64? = nil) throws -> SQLiteLog {
        let log = try SQLiteLog(directory: path, maxBytes: maxBytes)
        _ = try log.prepare([TopicSpec(name: Self.topic, partitions: 1, maxRecordBytes: 1 << 20)])
        return log
    }

    private func sizes(_ log: SQLiteLog) throws -> [Int] {
        var sizes: [Int] = []
        let tail = try log.tail(Self.topic, from: [:])
        try tail.catchUp(with: Self.topic, of: log) { record in
            #expect(record.value.allSatisfy { $0 == UInt8(sizes.count) })
            if let extent = record.extent {
                let file = FileManager.default.contents(atPath: extent.path)
                #expect(file?.dropFirst(extent.start).prefix(extent.count) == Data(record.value))
            }
            #expect((record.extent != nil) == (record.value.count >= ValueFiles.threshold))
            sizes.append(record.value.count)
        }
        return sizes
    }

    @Test func largeValuesLieBesideTheDatabaseAndSurviveAnotherOpening() throws {
        let scratch = Scratch()
        let pool = SlabPool(limit: 64 << 20)
        let expected = [0, ValueFiles.threshold - 1, ValueFiles.threshold, 500_000, 3, 700_000]
        for half in [expected[..<3], expected[3...]] {
            let log = try prepared(scratch.path)
            for (index, size) in zip(half.indices, half) {
                _ = try #require(append(log, record(size, pool, fill: UInt8(index)))).get()
            }
            #expect(try sizes(log) == Array(expected[..<half.endIndex]))
            log.close(within: .zero)
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: scratch.path).sorted()
        #expect(names.filter { $0.hasPrefix("values") } == ["values-000000", "values-000001"])
        let log = try prepared(scratch.path)
        #expect(try sizes(log) == expected)
        log.close(within: .zero)
    }

    /// A transaction that is given up gives its room back, and what comes next is read right.
    @Test func whatIsNotCommittedTakesNoRoom() throws {
        let scratch = Scratch()
        let pool = SlabPool(limit: 64 << 20)
        let log = try prepared(scratch.path, maxBytes: 600_000)
        _ = try #require(append(log, try record(100_000, pool, fill: 0))).get()
        let together = [(Self.topic, try record(200_000, pool)), (Self.topic, try record(400_000, pool))]
        let failure = #expect(throws: LogFailure.self) { try log.appendTogether(together) { true } }
        #expect(failure?.kind == .full)
        let file = scratch.path + "/values-000000"
        #expect(try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int == 100_000)
        _ = try #require(append(log, try record(400_000, pool, fill: 1))).get()
        #expect(try sizes(log) == [100_000, 400_000])
        log.close(within: .zero)
    }

    /// Neither garbage nor a file is left by a value that begins a file and does not fit.
    @Test func aFileThatWasBegunInVainIsGone() throws {
        let scratch = Scratch()
        let pool = SlabPool(limit: 64 << 20)
        func values() throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: scratch.path).filter { $0.hasPrefix("values") }.sorted()
        }
        for turn in 0..<2 {
            let log = try prepared(scratch.path, maxBytes: 600_000)
            // The first fits and begins a file, the second does not.
            let together = [(Self.topic, try record(200_000, pool)), (Self.topic, try record(400_000, pool))]
            #expect(throws: LogFailure.self) { try log.appendTogether(together) { true } }
            #expect(try values() == (turn == 0 ? [] : ["values-000000"]))
            _ = try #require(append(log, try record(100_000 + turn, pool, fill: UInt8(turn)))).get()
            #expect(try sizes(log) == (turn == 0 ? [100_000] : [100_000, 100_001]))
            log.close(within: .zero)
        }
        #expect(try values() == ["values-000000", "values-000001"])
    }

    @Test func aFileThatIsCutShortIsSaid() throws {
        let scratch = Scratch()
        let log = try prepared(scratch.path)
        _ = try #require(append(log, try record(100_000, SlabPool(limit: 1 << 20), fill: 0))).get()
        #expect(truncate(scratch.path + "/values-000000", 99_999) == 0)
        let failure = #expect(throws: LogFailure.self) { try sizes(log) }
        #expect(failure?.kind == .corrupt)
        #expect(failure?.reason.hasSuffix("has 99999 bytes, but 100000 are to lie at 0") == true)
        log.close(within: .zero)
    }

    @Test func aLogOfBeforeValuesHadFilesIsGoneOnWith() throws {
        let scratch = Scratch()
        try FileManager.default.createDirectory(atPath: scratch.path, withIntermediateDirectories: true)
        let old = try Database(path: scratch.path + "/log.sqlite")
        try old.execute(
            """
            CREATE TABLE record (
                topic BLOB NOT NULL, offset INTEGER NOT NULL, timestamp INTEGER NOT NULL,
                key BLOB NOT NULL, headers BLOB NOT NULL, value BLOB NOT NULL,
                PRIMARY KEY (topic, offset)) STRICT;
            INSERT INTO record VALUES (CAST('t' AS BLOB), 0, 1, x'', x'00000000', zeroblob(100000));
            """)
        let log = try prepared(scratch.path)
        let tail = try log.tail(Self.topic, from: [:])
        _ = try tail.read(within: .zero) { #expect($0.value.count == 100_000 && $0.extent == nil) }
        _ = try #require(append(log, try record(100_001, SlabPool(limit: 1 << 20)))).get()
        _ = try tail.read(within: .zero) { #expect($0.value.count == 100_001 && $0.extent != nil) }
        #expect(tail.positions == [0: 2])
        log.close(within: .zero)
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
