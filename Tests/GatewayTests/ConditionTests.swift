import EventLog
import Testing

@testable import Gateway

/// RFC 9110, section 13.1; the tag that is looked for is `"a"`.
@Suite struct EntityTagsTests {
    @Test(arguments: [
        ("\"a\"", true, true), ("\"b\"", false, false), ("W/\"a\"", false, true), ("w/\"a\"", false, false),
        ("x\"a\"", false, false), ("x, \"a\"", true, true),
        ("\"b\", \"a\"", true, true), ("\"b\",\"a\"", true, true), (",, \"a\" ,", true, true),
        ("W/\"b\", W/\"a\"", false, true), ("*", true, true), (" * ", true, true), ("\"*\"", false, false),
        ("", false, false), ("a", false, false), ("\"a", false, false), ("W/", false, false), ("\"", false, false),
        ("\"x,\", \"a\"", true, true), ("\"x, \" a", false, false), ("\"A\"", false, false),
    ])
    func theComparisons(_ header: String, _ strongly: Bool, _ weakly: Bool) {
        #expect(EntityTags(header).matchStrongly("\"a\"") == strongly)
        #expect(EntityTags(header).matchWeakly("\"a\"") == weakly)
    }

    @Test func aStarNamesNoTag() {
        #expect(!EntityTags("*").names("\"a\""))
        #expect(EntityTags("W/\"a\"").names("\"a\""))
    }
}

/// RFC 9110, section 12.5.3.
@Suite struct AcceptEncodingTests {
    private static let every: [ContentCoding?] = [nil, .zstd, .gzip]

    @Test(
        arguments: [
            (nil, nil, [nil]), ("", nil, [nil]), ("br", nil, [nil]),
            ("gzip", ContentCoding.gzip, [nil, .gzip]), ("gzip, deflate, br, zstd", .zstd, [nil, .zstd, .gzip]),
            ("GZIP", .gzip, [nil, .gzip]), ("x-gzip", .gzip, [nil, .gzip]),
            ("gzip;q=1.0, zstd;q=0.5", .gzip, [nil, .zstd, .gzip]), ("zstd;q=0, gzip", .gzip, [nil, .gzip]),
            ("gzip ; q=0.001", .gzip, [nil, .gzip]), ("identity, gzip;q=0.9", nil, [nil, .gzip]),
            ("identity, gzip", .gzip, [nil, .gzip]), ("*", .zstd, [nil, .zstd, .gzip]),
            ("*;q=0", nil, []), ("gzip, *;q=0", .gzip, [.gzip]), ("identity;q=0, zstd", .zstd, [.zstd]),
            ("*;q=0, identity", nil, [nil]), ("gzip;q=2", nil, [nil]), ("gzip;q=x", nil, [nil]),
            ("gzip;q=0.5000", nil, [nil]), ("gzip;level=9", nil, [nil]), ("gzip;q=1.001", nil, [nil]),
        ] as [(String?, ContentCoding?, [ContentCoding?])])
    func aHeaderAdmits(_ header: String?, _ best: ContentCoding?, _ admitted: [ContentCoding?]) {
        let accept = AcceptEncoding(header)
        let found = Self.every.filter { accept.weight(of: $0) > 0 }
        #expect(found == admitted)
        #expect((found.min { accept.prefers($0, to: $1) } ?? nil) == best)
    }
}

@Suite struct RetentionTests {
    private func kept(_ retention: Retention, _ sizes: [Int64: Int], arrived: Int64?) -> [Int64] {
        var state = ResultStore.State()
        for (round, size) in sizes { state.results[round] = stored(round, size) }
        retention.apply(&state, arrived: arrived)
        #expect(state.doomed == Set(state.results.values.filter(\.isExpired).map(\.round)))
        return state.results.values.filter { !$0.isExpired }.map(\.round).sorted()
    }

    @Test func theLowestRoundsGo() {
        let sizes: [Int64: Int] = [1: 10, 2: 10, 5: 10, 9: 10]
        #expect(kept(Retention(), sizes, arrived: nil) == [1, 2, 5, 9])
        #expect(kept(Retention(rounds: 2), sizes, arrived: 9) == [5, 9])
        #expect(kept(Retention(bytes: 39), sizes, arrived: 9) == [2, 5, 9])
        #expect(kept(Retention(bytes: 20), sizes, arrived: 9) == [5, 9])
        #expect(kept(Retention(rounds: 3, bytes: 10), sizes, arrived: nil) == [9])
    }

    @Test func theLatestAndWhatJustCameStay() {
        let sizes: [Int64: Int] = [1: 10, 2: 10, 5: 10]
        #expect(kept(Retention(rounds: 1), sizes, arrived: 2) == [2, 5])
        #expect(kept(Retention(bytes: 1), sizes, arrived: 5) == [5])
        #expect(kept(Retention(bytes: 1), sizes, arrived: nil) == [5])
    }

    @Test func aSidecarIsReadAsItWasWritten() {
        var result = stored(3, 7)
        result.copies[.gzip] = .init(digest: "cd", size: 5)
        result.incompressible = [.zstd]
        #expect(StoredResult(result.json) == result)
        #expect(result.storedBytes == 12)
        result.isExpired = true
        #expect(StoredResult(result.json) == result)
    }

    private func stored(_ round: Int64, _ size: Int) -> StoredResult {
        StoredResult(
            round: round, messageID: "m", position: .init(topic: "t", partition: 0, offset: round), digest: "ab",
            size: size, counted: ["a": "1"], logPositions: [0: 4], timestamp: 1.5)
    }
}
