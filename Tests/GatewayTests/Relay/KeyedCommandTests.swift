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

/// A log that has nothing to read, and answers appends when it is told to.
private final class HeldLog: StubLog {
    private final class EmptyTail: LogTail {
        let positions: [Int32: Int64] = [:]
        func read(within timeout: Duration, _ body: (borrowing StoredRecord) throws -> Void) -> Int {
            usleep(10_000)
            return 0
        }
        func cancel() {}
        func close() {}
    }

    struct Held {
        let completion: @Sendable (Result<Position, LogFailure>) -> Void
    }

    let held = Monitor<[Held]>([])

    func append(
        _ record: Record, to topic: String, completion: @escaping @Sendable (Result<Position, LogFailure>) -> Void
    ) { held.change { $0.append(Held(completion: completion)) } }

    /// Refuses the append that waits longest; false when none comes.
    func refuse() -> Bool {
        let first = held.wait(within: .seconds(30)) { $0.isEmpty ? nil : $0.removeFirst() }
        first?.completion(.failure(LogFailure(.topic, "told to fail")))
        return first != nil
    }

    func tail(_ topic: String, from offsets: [Int32: Int64]) -> any LogTail { EmptyTail() }
}

@Suite struct KeyedCommandTests {
    private let scratch = Scratch()
    private let log = HeldLog()
    private let timers: TimerQueue
    private let core: GatewayCore
    private let answers = Monitor<[Int: FailureKind]>([:])

    init() throws {
        timers = try #require(TimerQueue(name: "test"))
        core = try scratch.core(log, timers)
    }

    private func command(_ number: Int, bytes: Int = 0) throws -> KeyedCommand {
        let draft = MessageDraft(
            .trainingCommand, from: "gateway", ContentDigest(sha256: nil, sha512: nil), idempotencyKey: "k")
        return KeyedCommand(
            core, draft, .init(text: try MessageText(of: "{}"), round: 1, digest: "d"), "k", bytes: bytes
        ) { [answers] outcome in
            if case .failed(let failure) = outcome { answers.change { $0[number] = failure.kind } }
        }
    }

    @Test func whatItsClientAbandonedInTheLineIsNotIssuedAndHoldsNothing() throws {
        try #require(core.relay.start())
        defer { core.relay.stop() }
        try command(0).start()
        var abandoned: KeyedCommand? = try command(1, bytes: Relay.mostGathered)
        try #require(core.relay.reserve(Relay.mostGathered))
        abandoned?.start()
        try command(2).start()
        #expect(!core.relay.reserve(1))
        abandoned?.abandon()
        abandoned = nil
        #expect(core.relay.reserve(1))
        #expect(log.refuse() && log.refuse())
        #expect(answers.wait(within: .seconds(30)) { $0.count == 2 ? $0 : nil } == [0: .logTopic, 2: .logTopic])
        #expect(log.held.look { $0.isEmpty })
    }

    /// The commands of before are not read here, for nothing was started: each would wait its ten seconds, in turn.
    @Test func aLineWaitsForTheLogOnce() throws {
        for number in 0..<5 { try command(number).start() }
        let all = answers.wait(within: .seconds(19)) { $0.count == 5 ? $0 : nil }
        #expect(all?.values.allSatisfy { $0 == .logUnreachable } == true)
    }

    /// One that waited longer than its patience for the one before does not append in its turn.
    @Test func whoWaitedTooLongDoesNotBegin() throws {
        try #require(core.relay.start())
        defer { core.relay.stop() }
        for number in 0..<3 { try command(number).start() }
        usleep(10_100_000)
        #expect(log.refuse())
        let all = answers.wait(within: .seconds(5)) { $0.count == 3 ? $0 : nil }
        #expect(all == [0: .logTopic, 1: .logUnreachable, 2: .logUnreachable])
        #expect(log.held.look { $0.isEmpty })
    }
}
