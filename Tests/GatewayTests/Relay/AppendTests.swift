import Aggregation
import Compression
import Envelopes
import EventLog
import EventLogConformance
import Glibc
import Synchronization
import Telemetry
import Testing
import Threads

@testable import Gateway

/// A log that fails as it is told, and remembers what it was given.
private final class FlakyLog: StubLog {
    struct State {
        var failures: [LogFailure.Kind]
        var attempts: [(topic: String, bytes: [UInt8], headers: [RecordHeader])] = []
    }

    let state: Mutex<State>

    init(_ failures: [LogFailure.Kind]) { state = Mutex(State(failures: failures)) }

    func append(
        _ record: Record, to topic: String, completion: @escaping @Sendable (Result<Position, LogFailure>) -> Void
    ) {
        let failure = state.withLock { state in
            state.attempts.append((topic, Array(record.value), record.headers))
            return state.failures.isEmpty ? nil : state.failures.removeFirst()
        }
        if let failure { return completion(.failure(LogFailure(failure, "told to fail"))) }
        completion(.success(Position(topic: topic, partition: 2, offset: 7)))
    }
}

@Suite struct AppendTests {
    /// Appends a message to a log that fails so often, and gives what its client is told.
    private func append(_ log: FlakyLog, _ text: String = "{}") throws -> Result<MessageReceipt, Failure> {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        let timers = try #require(TimerQueue(name: "test"))
        defer { timers.stop() }
        let core = try scratch.core(log, timers)
        let outcome = Monitor<Result<MessageReceipt, Failure>?>(nil)
        try MessageAppend(
            core, MessageDraft(.statusUpdate, from: "site-a", ContentDigest(sha256: nil, sha512: nil)),
            .init(text: MessageText(of: text), round: 3, digest: "")
        ) { result in
            outcome.change { $0 = result }
        }.start()
        return try #require(outcome.wait(within: .seconds(60)) { $0 })
    }

    private func attempts(_ log: FlakyLog) -> [(topic: String, bytes: [UInt8], headers: [RecordHeader])] {
        log.state.withLock { $0.attempts }
    }

    @Test func whatPassesIsTriedAgainAsTheSameMessage() throws {
        let log = FlakyLog([.full, .unreachable, .full])
        let receipt = try append(log).get()
        let attempts = attempts(log)
        #expect(attempts.count == 4 && Set(attempts.map(\.bytes)).count == 1 && Set(attempts.map(\.headers)).count == 1)
        #expect(attempts[0].topic == TopicName.clients && receipt.position.offset == 7)
        let id = RecordHeader("ce_id", Array(receipt.messageID.utf8))
        #expect(attempts.allSatisfy { $0.headers.contains(id) })
    }

    @Test func itIsTriedFourTimesAtMost() throws {
        let log = FlakyLog(.init(repeating: .full, count: 10))
        let failure = #expect(throws: Failure.self) { try append(log).get() }
        #expect(failure?.kind == .busy && attempts(log).count == 4)
    }

    @Test(arguments: [
        (LogFailure.Kind.outcomeUnknown, FailureKind.outcomeUnknown), (.topic, .logTopic), (.closed, .stopping),
    ])
    func whatDoesNotPassIsNot(_ kind: LogFailure.Kind, _ expected: FailureKind) throws {
        let log = FlakyLog([kind])
        let failure = #expect(throws: Failure.self) { try append(log).get() }
        #expect(failure?.kind == expected && attempts(log).count == 1)
    }

    @Test func whatIsTooLargeIsCompressed() throws {
        let log = FlakyLog([.tooLarge])
        _ = try append(log, "{\"text\":\"\(String(repeating: "x", count: 40_000))\"}").get()
        let attempts = attempts(log)
        #expect(attempts.count == 2 && attempts[0].bytes.count > 40_000 && attempts[1].bytes.count < 2000)
    }

    @Test func whatIsTooLargeEvenThenIsRefused() throws {
        let log = FlakyLog([.tooLarge, .tooLarge])
        let failure = #expect(throws: Failure.self) { try append(log).get() }
        #expect(failure?.kind == .tooLarge && attempts(log).count == 2)
    }
}
