internal import EventLog

extension EventLogConformance {
    static let closingCases = [
        ConformanceCase("identity, records and offsets survive reopening", survives),
        ConformanceCase("close finishes what was appended", closeFinishes),
        ConformanceCase("a closed log refuses", closedRefuses),
    ]

    private static func survives(_ bench: Workbench) throws {
        let topic = try bench.topic().name
        let identity = try bench.log.identity
        try expect(!identity.isEmpty, "an identity")
        let before = try (0..<5).map { try bench.append("\($0)", to: topic) }
        try bench.reopen()
        try expectEqual(try bench.log.identity, identity, "the identity")
        _ = try bench.topic()
        let after = try bench.append("5", to: topic)
        try expect(before.allSatisfy { $0.offset < after.offset }, "offsets that go on, got \(after)")
        let kept = try bench.readToEnds(try bench.tail(topic, from: [:]), of: topic)
        try expectEqual(kept.map(\.position), before + [after], "the records of before and after")
    }

    private static func closeFinishes(_ bench: Workbench) throws {
        let topic = try bench.topic().name
        let answers = Answers()
        for number in 0..<100 { bench.log.append(try bench.record("\(number)"), to: topic, completion: answers.take) }
        bench.log.close(within: .seconds(30))
        try expectEqual(answers.count, 100, "answers once close has returned")
        let positions = try answers.all(100).map { try $0.get() }
        try bench.reopen()
        _ = try bench.topic()
        let kept = try bench.readToEnds(try bench.tail(topic, from: [:]), of: topic)
        try expectEqual(Set(kept.map(\.position)), Set(positions), "the positions read")
    }

    private static func closedRefuses(_ bench: Workbench) throws {
        let topic = try bench.topic().name
        let log = bench.log
        log.close(within: .seconds(30))
        log.close(within: .seconds(30))
        try expectFailure(.closed, "append") { try bench.append("late", to: topic) }
        try expectFailure(.closed, "prepare") { try bench.topic() }
        try expectFailure(.closed, "ends") { try log.ends(of: topic) }
        try expectFailure(.closed, "tail") { try bench.tail(topic, from: [:]) }
        try expectFailure(.closed, "contend") { try log.contend(for: bench.name("work")) }
    }
}
