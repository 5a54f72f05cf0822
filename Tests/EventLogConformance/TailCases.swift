internal import EventLog
internal import Glibc

extension EventLogConformance {
    static let tailCases = [
        ConformanceCase("a tail goes on from the positions of another", goesOn),
        ConformanceCase("a tail from an offset skips what is before it", skips),
        ConformanceCase("a read of an empty topic ends without records", endsEmpty),
        ConformanceCase("a read that waits gets what is appended then", wakes),
        ConformanceCase("a record whose reader failed is read again", readsAgain),
        ConformanceCase("cancel ends a read that waits, and the tail can be read on", cancels),
        ConformanceCase("two tails of one topic read everything each", twoTails),
        ConformanceCase("records can be appended while others are read", appendsWhileReading),
    ]

    private static func goesOn(_ bench: Workbench) throws {
        let topic = try bench.topic().name
        for number in 0..<20 { try bench.append("\(number)", key: "key \(number % 5)", to: topic) }
        let first = try bench.tail(topic, from: [:])
        let before = try bench.readToEnds(first, of: topic)
        for number in 20..<30 { try bench.append("\(number)", key: "key \(number % 5)", to: topic) }
        let second = try bench.tail(topic, from: first.positions)
        let after = try bench.readToEnds(second, of: topic)
        try expectEqual(before.count, 20, "records before")
        try expectEqual(
            Set(after.map(\.value)), Set((20..<30).map { [UInt8]("\($0)".utf8) }), "the records appended since")
        try expectEqual(after.count, 10, "each record once")
    }

    private static func skips(_ bench: Workbench) throws {
        let topic = try bench.topic().name
        let positions = try (0..<6).map { try bench.append("\($0)", to: topic) }
        let tail = try bench.tail(topic, from: [positions[3].partition: positions[3].offset])
        let kept = try bench.read(3, from: tail)
        try expectEqual(kept.map(\.position), Array(positions[3...]), "the records from the offset on")
        let next = try bench.tail(topic, from: [positions[5].partition: positions[5].offset + 1])
        let position = try bench.append("6", to: topic)
        try expectEqual(try bench.read(1, from: next).map(\.position), [position], "the record appended since")
    }

    private static func endsEmpty(_ bench: Workbench) throws {
        let topic = try bench.topic().name
        let tail = try bench.tail(topic, from: [:])
        try expectEqual(try tail.read(within: .milliseconds(50)) { _ in }, 0, "records of an empty topic")
        try expectEqual(try tail.read(within: .zero) { _ in }, 0, "records of an empty topic")
    }

    private static func wakes(_ bench: Workbench) throws {
        let topic = try bench.topic().name
        let log = bench.log
        let reader = try Errand {
            let tail = try log.tail(topic, from: [:])
            defer { tail.close() }
            var values: [[UInt8]] = []
            let deadline = ContinuousClock.now + Workbench.patience
            while values.isEmpty, ContinuousClock.now < deadline {
                _ = try tail.read(within: Workbench.patience) { values.append([UInt8]($0.value)) }
            }
            return values
        }
        usleep(50_000)
        try bench.append("late", to: topic)
        try expectEqual(try reader.wait("a read that waits"), [[UInt8]("late".utf8)], "what was read")
    }

    private static func readsAgain(_ bench: Workbench) throws {
        struct Refused: Error {}
        let topic = try bench.topic().name
        let positions = try (0..<3).map { try bench.append("\($0)", to: topic) }
        let tail = try bench.tail(topic, from: [:])
        var seen: [Position] = []
        var refusals = 0
        let deadline = ContinuousClock.now + Workbench.patience
        while seen.count < 3, ContinuousClock.now < deadline {
            do {
                _ = try tail.read(within: .seconds(1)) { record in
                    if record.position == positions[1], refusals < 2 { throw Refused() }
                    seen.append(record.position)
                }
            } catch is Refused {
                refusals += 1
                try expectEqual(tail.positions[positions[1].partition], positions[1].offset, "the next offset to read")
            }
        }
        try expectEqual(seen, positions, "each record once, in order")
        try expectEqual(refusals, 2, "refusals that came back out of read")
    }

    private static func cancels(_ bench: Workbench) throws {
        let topic = try bench.topic().name
        let tail = Lent(try bench.tail(topic, from: [:]))
        let reader = try Errand { try tail.value.read(within: .seconds(3600)) { _ in } }
        let deadline = ContinuousClock.now + Workbench.patience
        while !reader.isDone, ContinuousClock.now < deadline {
            tail.value.cancel()
            usleep(10_000)
        }
        try expectEqual(try reader.wait("a cancelled read"), 0, "records of a cancelled read")
        try bench.append("afterwards", to: topic)
        try expectEqual(try bench.read(1, from: tail.value).count, 1, "records after a cancelled read")
    }

    private static func twoTails(_ bench: Workbench) throws {
        let topic = try bench.topic().name
        let tails = try (0..<2).map { _ in try bench.tail(topic, from: [:]) }
        let positions = try (0..<10).map { try bench.append("\($0)", key: "\($0)", to: topic) }
        for tail in tails {
            let kept = try bench.readToEnds(tail, of: topic)
            try expectEqual(Set(kept.map(\.position)), Set(positions), "the positions read")
            try expectEqual(kept.count, 10, "each record once")
        }
    }

    private static func appendsWhileReading(_ bench: Workbench) throws {
        let topic = try bench.topic().name
        try bench.append("first", to: topic)
        let tail = try bench.tail(topic, from: [:])
        var values: [[UInt8]] = []
        let deadline = ContinuousClock.now + Workbench.patience
        while values.count < 5, ContinuousClock.now < deadline {
            _ = try tail.read(within: .seconds(1)) { record in
                values.append([UInt8](record.value))
                if values.count < 5 { try bench.append("next \(values.count)", to: topic) }
            }
        }
        let expected = ["first", "next 1", "next 2", "next 3", "next 4"].map { [UInt8]($0.utf8) }
        try expectEqual(values, expected, "records appended from within read")
    }
}

/// Lends a tail to another thread.
///
/// Unchecked: one thread reads at a time, and `cancel` may be called from any.
struct Lent<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
