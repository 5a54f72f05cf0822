internal import Bytes
internal import EventLog
internal import Glibc

extension EventLogConformance {
    static let appendCases = [
        ConformanceCase("records come back as they were appended", comesBack),
        ConformanceCase("key, headers and value may be empty", comesBackEmpty),
        ConformanceCase("a large value comes back", comesBackLarge),
        ConformanceCase("the log lets go of a value once it has answered", releasesSlabs),
        ConformanceCase("many threads append, and each key keeps its order", keepsOrder),
        ConformanceCase("topics are apart", topicsAreApart),
        ConformanceCase("preparing twice changes nothing", preparesTwice),
        ConformanceCase("ends enclose what was appended", endsEnclose),
    ]

    private static func comesBack(_ bench: Workbench) throws {
        let topic = try bench.topic().name
        let headers = [
            RecordHeader("b", [0, 1, 255]), RecordHeader("a", []), RecordHeader("b", [2]), RecordHeader("ä", [3]),
        ]
        let value: [UInt8] = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let position = try bench.append(bench.record(value, key: "k\u{e9}y", headers: headers), to: topic)
        let now = Int64(time(nil)) * 1000
        let tail = try bench.tail(topic, from: [:])
        let kept = try bench.read(1, from: tail)[0]
        try expectEqual(kept.position, position, "the position that was acknowledged")
        try expectEqual(kept.position.topic, topic, "the topic in the position")
        try expectEqual(kept.key, [UInt8]("k\u{e9}y".utf8), "the key")
        try expectEqual(kept.headers, headers, "the headers")
        try expectEqual(kept.value, value, "the value")
        try expect(abs(kept.timestamp - now) < 86_400_000, "a time near \(now), got \(kept.timestamp)")
    }

    private static func comesBackEmpty(_ bench: Workbench) throws {
        let topic = try bench.topic().name
        try bench.append(bench.record([], key: ""), to: topic)
        let kept = try bench.read(1, from: try bench.tail(topic, from: [:]))[0]
        try expectEqual(kept.key, [], "the key")
        try expectEqual(kept.headers, [], "the headers")
        try expectEqual(kept.value, [], "the value")
    }

    private static func comesBackLarge(_ bench: Workbench) throws {
        let topic = try bench.topic(maxRecordBytes: 6 << 20).name
        let values = (1...3).map { seed in (0..<(5 << 20)).map { UInt8(truncatingIfNeeded: ($0 &* 7919) >> seed) } }
        for value in values { try bench.append(bench.record(value), to: topic) }
        let kept = try bench.read(3, from: try bench.tail(topic, from: [:]))
        try expect(kept.map(\.value) == values, "three large values, unchanged")
    }

    private static func releasesSlabs(_ bench: Workbench) throws {
        let topic = try bench.topic().name
        for number in 0..<20 { try bench.append("value \(number)", to: topic) }
        let deadline = ContinuousClock.now + Workbench.patience
        while bench.pool.lent > 0, ContinuousClock.now < deadline { usleep(1000) }
        try expectEqual(bench.pool.lent, 0, "bytes of values that the log still holds")
    }

    private static func keepsOrder(_ bench: Workbench) throws {
        let topic = try bench.topic().name
        let (threads, each) = (4, 50)
        let answers = Answers()
        let log = bench.log
        let errands = try (0..<threads).map { thread in
            let records = try (0..<each).map { try bench.record("\($0)", key: "key \(thread)") }
            return try Errand { for record in records { log.append(record, to: topic, completion: answers.take) } }
        }
        for errand in errands { try errand.wait("a thread that appends") }
        let positions = try answers.all(threads * each).map { try $0.get() }
        try expectEqual(Set(positions).count, threads * each, "different positions")

        let kept = try bench.readToEnds(try bench.tail(topic, from: [:]), of: topic)
        try expectEqual(Set(kept.map(\.position)), Set(positions), "the positions read")
        try expectEqual(kept.count, threads * each, "each record once")
        for thread in 0..<threads {
            let own = kept.filter { $0.key == [UInt8]("key \(thread)".utf8) }
            try expectEqual(own.map(\.value), (0..<each).map { [UInt8]("\($0)".utf8) }, "the order of one key")
            try expectEqual(Set(own.map(\.position.partition)).count, 1, "partitions of one key")
        }
        for partition in Set(positions.map(\.partition)) {
            let offsets = kept.map(\.position).filter { $0.partition == partition }.map(\.offset)
            try expectEqual(offsets, offsets.sorted(), "ascending offsets in partition \(partition)")
        }
    }

    private static func topicsAreApart(_ bench: Workbench) throws {
        let (first, second) = (try bench.topic("a").name, try bench.topic("b").name)
        try bench.append("in a", to: first)
        try bench.append("in b", to: second)
        for (topic, text) in [(first, "in a"), (second, "in b")] {
            let kept = try bench.readToEnds(try bench.tail(topic, from: [:]), of: topic)
            try expectEqual(kept.map(\.value), [[UInt8](text.utf8)], "what is in \(topic)")
        }
    }

    private static func preparesTwice(_ bench: Workbench) throws {
        let (topic, limits) = try bench.topic()
        let position = try bench.append("one", to: topic)
        try expectEqual(try bench.topic().limits, limits, "the limits, asked again")
        try expectEqual(try bench.readToEnds(try bench.tail(topic, from: [:]), of: topic).count, 1, "records")
        try expect(limits.partitions > position.partition && position.partition >= 0, "a partition that exists")
    }

    private static func endsEnclose(_ bench: Workbench) throws {
        let (topic, limits) = try bench.topic()
        let empty = try bench.log.ends(of: topic)
        try expectEqual(Set(empty.keys), Set(0..<limits.partitions), "partitions that have ends")
        try expect(empty.values.allSatisfy(\.isEmpty), "empty ends in an empty topic, got \(empty)")
        let position = try bench.append("one", to: topic)
        let ends = try bench.log.ends(of: topic)
        try expect(ends[position.partition]?.contains(position.offset) == true, "\(position) in \(ends)")
    }
}
