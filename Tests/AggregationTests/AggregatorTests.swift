import Bytes
import Compression
import Envelopes
import EventLog
import Foundation
import SQLiteLog
import Telemetry
import Testing
import Threads
import WeightFormats
import Weights
import WireJSON

@testable import Aggregation

/// A log with an aggregator on it, and what a gateway would write.
final class Field {
    let directory = NSTemporaryDirectory() + "fedgate-" + UUID().uuidString
    let log: SQLiteLog
    let pool = SlabPool(limit: 64 << 20)
    private(set) var aggregator: Aggregator?

    init(maxRecordBytes: Int = 16 << 20) throws {
        log = try SQLiteLog(directory: directory + "/log", maxRecordBytes: maxRecordBytes)
        _ = try log.prepare(
            [TopicName.updates, TopicName.results, TopicName.deadLetters].map {
                TopicSpec(name: $0, partitions: 1, maxRecordBytes: 16 << 20)
            })
    }

    deinit {
        aggregator?.stop()
        log.close(within: .seconds(5))
        try? FileManager.default.removeItem(atPath: directory)
    }

    func start(_ policy: ClosingPolicy = ClosingPolicy(minUpdates: 2), _ compression: Codec = .zstd) throws {
        let configuration = AggregatorConfiguration(
            directory: directory + "/contributions", policy: policy,
            output: ResultForm(envelope: .binary, compression: .fixed(compression)), maxRecordBytes: 16 << 20,
            maxDecodedBytes: 1 << 30)
        let made = Aggregator(
            log: log, configuration: configuration, registry: MetricRegistry(), logger: Logger(lowest: .error))
        try #require(made.start())
        aggregator = made
    }

    func stop() {
        aggregator?.stop()
        aggregator = nil
    }

    /// Appends and waits for the acknowledgement.
    @discardableResult
    func append(_ record: Record, to topic: String) throws -> Position {
        let answer = Monitor<Result<Position, LogFailure>?>(nil)
        log.append(record, to: topic) { result in answer.change { $0 = result } }
        return try #require(answer.wait(within: .seconds(60)) { $0 }).get()
    }

    /// A message with one float32 array.
    func message(
        _ sender: String, round: Int64, _ values: [Float], samples: JSONValue? = nil, id: String = MessageID.make(),
        type: MessageType = .weightUpdate, timestamp: Double = 1_700_000_000.5, _ compression: Codec = .none
    ) throws -> Record {
        let slab = try #require(pool.acquire(1 << 19))
        var sealer = RecordSealer(slab: slab, envelope: .json, compression: .fixed(compression))
        let spec = try #require(ArraySpec(dtype: .float32, shape: [UInt64(values.count)]))
        try values.withUnsafeBytes { bytes in
            try FEDWT001Writer(arrays: [spec], metadata: [:]).write { _ in
                bytes
            } to: {
                try sealer.write($0)
            }
        }
        return try sealer.seal(format: "binary_custom", dataType: .modelWeights, modelVersion: nil, extraHeaders: []) {
            _ in
            Message(
                messageID: id, type: type, senderID: sender, timestamp: timestamp, roundNumber: round,
                metadata: samples.map { ["num_samples": $0] } ?? [:])
        }.record
    }

    func update(
        _ sender: String, round: Int64, _ values: [Float], samples: JSONValue? = nil, id: String = MessageID.make(),
        timestamp: Double = 1_700_000_000.5
    ) throws {
        try append(
            message(sender, round: round, values, samples: samples, id: id, timestamp: timestamp), to: TopicName.updates
        )
    }

    struct Found {
        var round: Int64
        var values: [Float]
        var counted: [String: String]
    }

    /// The results on the log, once there are so many.
    func results(_ count: Int) throws -> [Found] {
        var found: [Found] = []
        let reader = MessageReader(limits: .init(maxStored: 16 << 20, maxDecoded: 1 << 30))
        try wait(TopicName.results, count) { record in
            try reader.read(record) { opened in
                let decoder = FEDWT001Decoder(limits: .init(decodedBytes: 1 << 30))
                let sink = DroppingSink()
                try decoder.feed(opened.payload, to: sink)
                let bytes = try NormalArrays(decoder.finish(to: sink), in: opened.payload).elements(0)
                let values = (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
                let counted = opened.message.metadata["counted"]?.objectValue ?? [:]
                found.append(
                    Found(
                        round: opened.message.roundNumber, values: values,
                        counted: counted.compactMapValues(\.stringValue)))
            }
        }
        return found
    }

    /// The reasons of the dead letters, once there are so many.
    func deadLetters(_ count: Int) throws -> [String] {
        var reasons: [String] = []
        try wait(TopicName.deadLetters, count) { record in
            let header = record.headers.first { $0.name == "fed-error" }
            reasons.append(header.map { String(decoding: $0.value, as: UTF8.self) } ?? "none")
        }
        return reasons
    }

    func wait(_ topic: String, _ count: Int, _ body: (borrowing StoredRecord) throws -> Void) throws {
        let tail = try log.tail(topic, from: [:])
        defer { tail.close() }
        var seen = 0
        let deadline = ContinuousClock.now + .seconds(60)
        while seen < count, ContinuousClock.now < deadline {
            seen += try tail.read(within: .milliseconds(100), body)
        }
        try #require(seen == count)
    }

    func count(_ topic: String) throws -> Int { try log.ends(of: topic)[0]?.count ?? 0 }
}

@Suite struct AggregatorTests {
    @Test func aRoundClosesWithTheWeightedMean() throws {
        let field = try Field()
        try field.start()
        try field.update("a", round: 1, [1, 2], samples: .integer(3))
        try field.update("b", round: 1, [2, 6], samples: .integer(1))
        let results = try field.results(1)
        #expect(results[0].round == 1 && results[0].values == [1.25, 3])
        #expect(Set(results[0].counted.keys) == ["a", "b"])
    }

    @Test func theLatestOfAClientCountsAndARepeatedMessageOnce() throws {
        let field = try Field()
        try field.update("a", round: 1, [1])
        try field.update("a", round: 1, [5], id: "second")
        try field.update("a", round: 1, [5], id: "second")
        try field.update("b", round: 1, [7])
        try field.start()
        let results = try field.results(1)
        #expect(results[0].values == [6] && results[0].counted["a"] == "second")
    }

    @Test func whatCannotCountIsBuriedWithItsReasonAndOnce() throws {
        let field = try Field()
        try field.update("a", round: 1, [1, 2])
        try field.update("b", round: 1, [1, 2, 3])
        try field.update("c", round: 1, [1, 2], samples: .integer(0))
        let slab = try #require(field.pool.acquire(5))
        slab.bytes.copyBytes(from: Array("{bad}".utf8))
        try field.append(Record(key: [1], headers: [], slab: slab, range: 0..<5), to: TopicName.updates)
        try field.append(field.message("d", round: 1, [1, 2], type: .healthCheck), to: TopicName.updates)
        try field.start()
        let reasons = try field.deadLetters(4)
        #expect(reasons[0].contains("[3]") && reasons[1].contains("num_samples") && reasons[3].contains("health_check"))
        field.stop()
        // Read again from the start, since no round has closed.
        try field.start()
        try field.update("e", round: 1, [3, 4])
        #expect(try field.results(1)[0].values == [2, 3])
        #expect(try field.count(TopicName.deadLetters) == 4)
    }

    @Test func aRestartLosesAndDoublesNothing() throws {
        let field = try Field()
        for round in 1...6 {
            try field.start()
            try field.update("a", round: Int64(round), [Float(round)])
            // The update of a later round stays open across the restart.
            try field.update("late", round: 100, [Float(round)])
            field.stop()
            try field.start()
            try field.update("b", round: Int64(round), [Float(round) + 1])
            #expect(try field.results(round).last?.values == [Float(round) + 0.5])
            field.stop()
        }
        try field.start()
        try field.update("b", round: 100, [8])
        let last = try field.results(7)[6]
        #expect(last.round == 100 && last.values == [7] && last.counted.count == 2)
        #expect(try field.count(TopicName.results) == 7)
    }

    @Test func aLateUpdateIsIgnoredAfterARestartToo() throws {
        let field = try Field()
        try field.start()
        try field.update("a", round: 1, [1])
        try field.update("b", round: 1, [3])
        _ = try field.results(1)
        field.stop()
        try field.update("c", round: 1, [100])
        try field.update("d", round: 1, [100])
        try field.start()
        try field.update("a", round: 2, [1])
        try field.update("b", round: 2, [2])
        #expect(try field.results(2).map(\.round) == [1, 2])
        #expect(try field.count(TopicName.deadLetters) == 0)
    }

    @Test func aRoundClosesAtItsDeadlineWithWhoIsThere() throws {
        let field = try Field()
        try field.start(ClosingPolicy(minUpdates: 10, roundDeadline: 1))
        // Its own time is long past.
        try field.update("a", round: 1, [4])
        #expect(try field.results(1)[0].values == [4])
    }

    /// The aggregator was told of a larger limit at its start, as when somebody lowers a topic's.
    @Test func aResultThatTheTopicDoesNotAdmitAnyMoreGoesInChunks() throws {
        let field = try Field(maxRecordBytes: 100_000)
        try field.start(ClosingPolicy(minUpdates: 1), .none)
        let values = [Float](repeating: 1.5, count: 60_000)
        try field.append(field.message("a", round: 1, values, .zstd), to: TopicName.updates)
        let reader = MessageReader(limits: .init(maxStored: 16 << 20, maxDecoded: 1 << 30))
        let spool = try ChunkSpool(field.directory + "/read")
        var bytes = 0
        try field.wait(TopicName.results, 4) { record in
            guard try !spool.take(record) else { return }
            let position = record.position
            try reader.read(record) { try spool.assemble($0, at: position).read { bytes += $0.count } }
        }
        #expect(bytes > 240_000)
    }

    @Test func resultsOfOthersCloseRoundsAndASecondOneIsBuried() throws {
        let field = try Field()
        try field.start()
        try field.append(field.message("aggregator", round: 5, [9], type: .aggregationResult), to: TopicName.results)
        try field.append(field.message("aggregator", round: 5, [8], type: .aggregationResult), to: TopicName.results)
        #expect(try field.deadLetters(1)[0].contains("second result"))
        try field.update("a", round: 5, [1])
        try field.update("b", round: 5, [1])
        try field.update("a", round: 6, [1])
        try field.update("b", round: 6, [3])
        #expect(try field.results(3).map(\.round) == [5, 5, 6])
    }

    @Test func oneOfTwoIsActiveAndTheOtherTakesOver() throws {
        let field = try Field()
        try field.start()
        let configuration = AggregatorConfiguration(
            directory: field.directory + "/other", policy: ClosingPolicy(minUpdates: 2),
            output: ResultForm(envelope: .json, compression: .fixed(.none)), maxRecordBytes: 16 << 20,
            maxDecodedBytes: 1 << 30)
        let other = Aggregator(
            log: field.log, configuration: configuration, registry: MetricRegistry(), logger: Logger(lowest: .error))
        try #require(other.start())
        defer { other.stop() }
        try field.update("a", round: 1, [1])
        field.stop()
        try field.update("b", round: 1, [3])
        #expect(try field.results(1)[0].values == [2])
        #expect(try field.count(TopicName.results) == 1)
    }
}
