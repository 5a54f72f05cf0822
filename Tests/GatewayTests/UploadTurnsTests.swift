import Synchronization
import Testing

@testable import Gateway

@Suite struct UploadTurnsTests {
    private final class Owner: Sendable {}

    private let turns = UploadTurns()
    private let key = UploadTurns.Key(round: 1, clientID: "a", key: "k")

    /// Each gives the key back before it returns: a call inside the one before would overflow the stack.
    @Test func aLongLineIsCalledInOrderOnAFlatStack() {
        let order = Mutex<[Int]>([])
        let owner = Owner()
        turns.begin(key, for: owner) {}
        for number in 0..<100_000 {
            turns.begin(key, for: owner) { [turns, key] in
                order.withLock { $0.append(number) }
                turns.end(key)
            }
        }
        #expect(order.withLock { $0.isEmpty })
        turns.end(key)
        #expect(order.withLock { $0 } == Array(0..<100_000))
        // Nobody has the key now.
        turns.begin(key, for: owner) { order.withLock { $0 = [] } }
        #expect(order.withLock { $0.isEmpty })
    }

    @Test func whoGivesTheKeyBackLaterHoldsTheOthers() {
        let order = Mutex<[Int]>([])
        let owner = Owner()
        for number in 0..<3 { turns.begin(key, for: owner) { order.withLock { $0.append(number) } } }
        #expect(order.withLock { $0 } == [0])
        turns.end(key)
        #expect(order.withLock { $0 } == [0, 1])
        turns.end(key)
        #expect(order.withLock { $0 } == [0, 1, 2])
    }

    @Test(arguments: [false, true])
    func whoLeavesIsNotCalledAndItsBodyIsLetGoOf(_ isLate: Bool) {
        let called = Mutex<[String]>([])
        let stays = Owner()
        weak var gone: Owner?
        turns.begin(key, for: stays) {}
        if isLate { turns.begin(key, for: stays) {} }
        do {
            let leaves = Owner()
            gone = leaves
            turns.begin(key, for: leaves) { withExtendedLifetime(leaves) { called.withLock { $0.append("leaves") } } }
            turns.begin(key, for: stays) { called.withLock { $0.append("stays") } }
            // The line is moving when it leaves.
            if isLate { turns.end(key) }
            turns.leave(key, leaves)
        }
        #expect(gone == nil)
        turns.end(key)
        #expect(called.withLock { $0 } == ["stays"])
    }
}
