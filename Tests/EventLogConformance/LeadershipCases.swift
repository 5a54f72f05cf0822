internal import EventLog

extension EventLogConformance {
    static let leadershipCases = [
        ConformanceCase("one leads; when it leaves, the next takes over", handsOver),
        ConformanceCase("close ends a wait for leadership", closeEndsWait),
        ConformanceCase("contests of different names are apart", contestsAreApart),
        ConformanceCase("what is published comes back", publishes),
        ConformanceCase("publish stores all or none", publishesAllOrNone),
        ConformanceCase("a term that is over publishes nothing", refusesAfterTheTerm),
    ]

    private static func acquire(_ leadership: any Leadership) throws -> any Term {
        guard let term = try leadership.acquire(within: Workbench.patience) else {
            throw ConformanceFailure("a term", #fileID, #line)
        }
        try expect(term.isCurrent, "a term that is current")
        return term
    }

    private static func handsOver(_ bench: Workbench) throws {
        let log = bench.log
        let work = bench.name("work")
        let first = try log.contend(for: work)
        defer { first.close() }
        let term = try acquire(first)
        let second = try log.contend(for: work)
        defer { second.close() }
        try expect(try second.acquire(within: .milliseconds(500)) == nil, "no second leader")
        try expect(term.isCurrent, "the first term to go on")
        let waiter = try Errand { try acquire(second) }
        first.close()
        let next = try waiter.wait("the wait of the second")
        try expect(next.isCurrent && !term.isCurrent, "the second term to be the current one")
    }

    private static func closeEndsWait(_ bench: Workbench) throws {
        let log = bench.log
        let work = bench.name("work")
        let first = try log.contend(for: work)
        defer { first.close() }
        _ = try acquire(first)
        let second = try log.contend(for: work)
        let waiter = try Errand { try second.acquire(within: .seconds(3600)) == nil }
        second.close()
        try expect(try waiter.wait("the wait of the second"), "no term after close")
        try expect(try second.acquire(within: .milliseconds(10)) == nil, "no term after close")
    }

    private static func contestsAreApart(_ bench: Workbench) throws {
        let (one, other) = (try bench.log.contend(for: bench.name("a")), try bench.log.contend(for: bench.name("b")))
        defer {
            one.close()
            other.close()
        }
        let terms = [try acquire(one), try acquire(other)]
        try expect(terms.allSatisfy { $0.isCurrent }, "two leaders of two works")
    }

    private static func publishes(_ bench: Workbench) throws {
        let (a, b) = (try bench.topic("a").name, try bench.topic("b").name)
        let leadership = try bench.log.contend(for: bench.name("work"))
        defer { leadership.close() }
        let term = try acquire(leadership)
        let first = try term.publish([(a, bench.record("1")), (b, bench.record("2")), (a, bench.record("3"))])
        try expectEqual(first.map(\.topic), [a, b, a], "the topics of the positions")
        try expectEqual(try term.publish([]), [], "the positions of nothing")
        try bench.append("4", to: a)
        let second = try term.publish([(a, bench.record("5"))])
        let kept = try bench.readToEnds(try bench.tail(a, from: [:]), of: a)
        try expectEqual(kept.map(\.value), ["1", "3", "4", "5"].map { [UInt8]($0.utf8) }, "what is in the topic")
        try expectEqual(kept.map(\.position).filter { (first + second).contains($0) }.count, 3, "positions that match")
        try expectEqual(try bench.readToEnds(try bench.tail(b, from: [:]), of: b).count, 1, "records elsewhere")
    }

    private static func publishesAllOrNone(_ bench: Workbench) throws {
        let (topic, limits) = try bench.topic(maxRecordBytes: 256 << 10)
        let leadership = try bench.log.contend(for: bench.name("work"))
        defer { leadership.close() }
        let term = try acquire(leadership)
        let large = try bench.record([UInt8](repeating: 1, count: limits.maxRecordBytes + 1))
        try expectFailure(.tooLarge, "publish with a record beyond the limit") {
            try term.publish([(topic, bench.record("never")), (topic, large), (topic, bench.record("never"))])
        }
        try expectFailure(.topic, "publish to an unknown topic") {
            try term.publish([(topic, bench.record("never")), (bench.name("nobody-prepared-it"), bench.record("x"))])
        }
        _ = try term.publish([(topic, bench.record("afterwards"))])
        let kept = try bench.readToEnds(try bench.tail(topic, from: [:]), of: topic)
        try expectEqual(kept.map(\.value), [[UInt8]("afterwards".utf8)], "what is in the topic")
    }

    private static func refusesAfterTheTerm(_ bench: Workbench) throws {
        let topic = try bench.topic().name
        let work = bench.name("work")
        let first = try bench.log.contend(for: work)
        let old = try acquire(first)
        first.close()
        let second = try bench.log.contend(for: work)
        defer { second.close() }
        let new = try acquire(second)
        try expect(!old.isCurrent, "a term that is over")
        try expectFailure(.fenced, "publish after the term") {
            try old.publish([(topic, bench.record("never"))])
        }
        _ = try new.publish([(topic, bench.record("by the new"))])
        let kept = try bench.readToEnds(try bench.tail(topic, from: [:]), of: topic)
        try expectEqual(kept.map(\.value), [[UInt8]("by the new".utf8)], "what is in the topic")
    }
}
