import Synchronization
import Testing
import Threads

@Suite struct DedicatedThreadTests {
    @Test func runsItsBodyOnceAndJoins() throws {
        let runs = Atomic(0)
        let thread = try #require(
            DedicatedThread(name: "a name that is far too long") { runs.wrappingAdd(1, ordering: .relaxed) })
        thread.join()
        thread.join()
        #expect(runs.load(ordering: .relaxed) == 1)
    }
}
