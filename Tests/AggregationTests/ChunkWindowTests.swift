import Bytes
import EventLog
import EventLogConformance
import Testing
import Threads

@testable import Aggregation

/// A log that acknowledges when it is told to.
private final class PatientLog: StubLog {
    typealias Completion = @Sendable (Result<Position, LogFailure>) -> Void

    private let waiting = Monitor<[Completion]>([])

    /// Once so many records wait, answers the one that came first.
    func answerFirst(of count: Int, with failure: LogFailure? = nil) throws {
        let found = waiting.wait(within: .seconds(60)) { $0.count == count ? $0.removeFirst() : nil }
        let first = try #require(found)
        first(failure.map { .failure($0) } ?? .success(Position(topic: "t", partition: 0, offset: 0)))
    }

    var count: Int { waiting.look { $0.count } }

    func append(_ record: Record, to topic: String, completion: @escaping Completion) {
        waiting.change { $0.append(completion) }
    }
}

@Suite struct ChunkWindowTests {
    private let log = PatientLog()
    private let pool = SlabPool(limit: 1 << 20)

    private func chunk() throws -> Record {
        Record(key: [], headers: [], slab: try #require(pool.acquire(1)), range: 0..<1)
    }

    /// Three chunks through a window of two: the third goes when the first is stored, and the end waits for all.
    @Test func noMoreThanSoManyAreOnTheirWay() throws {
        let window = ChunkWindow(log, topic: "t", most: 2)
        let chunks = try [chunk(), chunk(), chunk()]
        let answers = DedicatedThread(name: "answers") { [log] in
            for left in [2, 2, 1] { try? log.answerFirst(of: left) }
        }
        for chunk in chunks { try window.append(chunk) }
        try window.finish()
        #expect(log.count == 0)
        answers?.join()
    }

    @Test func aChunkThatIsNotStoredEndsIt() throws {
        let window = ChunkWindow(log, topic: "t", most: 2)
        try window.append(chunk())
        try window.append(chunk())
        try log.answerFirst(of: 2, with: LogFailure(.full, "no room"))
        let chunk = try chunk()
        #expect(throws: LogFailure(.full, "no room")) { try window.append(chunk) }
        #expect(throws: LogFailure(.full, "no room")) { try window.finish() }
    }
}
