import Synchronization
import Testing
import Threads

@Suite struct TimerQueueTests {
    @Test func callsInTheOrderOfTheDeadlines() throws {
        let queue = try #require(TimerQueue(name: "timers"))
        defer { queue.stop() }
        let called = Monitor<[Int]>([])
        for number in [5, 3, 1, 4, 2] {
            _ = queue.schedule(after: .milliseconds(100 + 40 * number)) { called.change { $0.append(number) } }
        }
        let order = called.wait(within: .seconds(60)) { $0.count == 5 ? $0 : nil }
        #expect(order == [1, 2, 3, 4, 5])
    }

    @Test func whatIsCancelledIsNotCalledAndReleased() throws {
        final class Held: Sendable {}
        let queue = try #require(TimerQueue(name: "timers"))
        defer { queue.stop() }
        let called = Monitor<[Int]>([])
        var held: Held? = Held()
        weak let watched = held
        let timer = queue.schedule(after: .milliseconds(50)) { [held] in
            withExtendedLifetime(held) { called.change { $0.append(1) } }
        }
        held = nil
        timer.cancel()
        #expect(watched == nil)
        _ = queue.schedule(after: .milliseconds(100)) { called.change { $0.append(2) } }
        #expect(called.wait(within: .seconds(60)) { $0.isEmpty ? nil : $0 } == [2])
    }

    @Test func manyAreAllCalledOnce() throws {
        let queue = try #require(TimerQueue(name: "timers"))
        defer { queue.stop() }
        let called = Monitor<[Int: Int]>([:])
        var cancelled: [Timer] = []
        for number in 0..<5000 {
            _ = queue.schedule(after: .microseconds(number * 7919 % 20_000)) {
                called.change { $0[number, default: 0] += 1 }
            }
            cancelled.append(queue.schedule(after: .seconds(3600)) {})
            cancelled[number].cancel()
        }
        let counts = try #require(called.wait(within: .seconds(60)) { $0.count == 5000 ? $0 : nil })
        #expect(counts.values.allSatisfy { $0 == 1 })
    }

    @Test func nothingIsCalledAfterStop() throws {
        let queue = try #require(TimerQueue(name: "timers"))
        let calls = Atomic(0)
        _ = queue.schedule(after: .milliseconds(50)) { calls.wrappingAdd(1, ordering: .relaxed) }
        queue.stop()
        let before = calls.load(ordering: .relaxed)
        _ = queue.schedule(after: .zero) { calls.wrappingAdd(1, ordering: .relaxed) }
        _ = Monitor(()).wait(within: .milliseconds(100)) { _ in nil as Bool? }
        #expect(calls.load(ordering: .relaxed) == before)
        queue.stop()
    }
}
