internal import EventLog

extension EventLogConformance {
    static let limitCases = [
        ConformanceCase("a record beyond the topic's limit is too large, one near it is not", tooLarge),
        ConformanceCase("a topic that nobody prepared is refused", unknownTopic),
    ]

    private static func tooLarge(_ bench: Workbench) throws {
        let (topic, limits) = try bench.topic(maxRecordBytes: 256 << 10)
        let large = try bench.record([UInt8](repeating: 1, count: limits.maxRecordBytes + 1))
        try expectFailure(.tooLarge, "an append beyond the limit") { try bench.append(large, to: topic) }
        // Room for the batch, as the wire protocol's chunks leave it.
        let value = [UInt8](repeating: 2, count: limits.maxRecordBytes - 2048)
        try bench.append(bench.record(value), to: topic)
        let kept = try bench.readToEnds(try bench.tail(topic, from: [:]), of: topic)
        try expect(kept.map(\.value) == [value], "the record near the limit alone")
    }

    private static func unknownTopic(_ bench: Workbench) throws {
        let topic = bench.name("nobody-prepared-it")
        let known = try bench.topic().name
        try expectFailure(.topic, "an append to an unknown topic") { try bench.append("lost", to: topic) }
        try expectFailure(.topic, "the ends of an unknown topic") { try bench.log.ends(of: topic) }
        try expectFailure(.topic, "a tail of an unknown topic") { try bench.tail(topic, from: [:]) }
        try bench.append("kept", to: known)
    }
}
