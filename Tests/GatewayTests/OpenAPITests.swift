import Foundation
import Testing

@testable import Gateway

/// The table of routes and the document have the same routes and methods.
@Suite struct OpenAPITests {
    private var document: [String: Set<String>] {
        get throws {
            let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent()
            let text = try String(contentsOf: root.appendingPathComponent("openapi/openapi.yaml"), encoding: .utf8)
            var paths: [String: Set<String>] = [:]
            var current: String?
            var isInPaths = false
            for line in text.split(separator: "\n") {
                if !line.hasPrefix(" ") { isInPaths = line == "paths:" }
                guard isInPaths else { continue }
                if line.hasPrefix("  /"), line.hasSuffix(":") { current = String(line.dropFirst(2).dropLast()) }
                let word = line.dropFirst(4).prefix { $0 != ":" }
                if line.hasPrefix("    "), !line.hasPrefix("     "), let current,
                    ["get", "put", "post", "head", "delete", "patch"].contains(word)
                {
                    paths[current, default: []].insert(word.uppercased())
                }
            }
            return paths
        }
    }

    @Test func everyRouteIsDescribedAndTheOtherWayRound() throws {
        var described: [String: Set<String>] = [:]
        // HEAD comes with GET; it is described where it is useful.
        for (path, methods) in try document { described[path] = methods.subtracting(["HEAD"]) }
        var served: [String: Set<String>] = [:]
        for route in Route.all { served[route.pattern, default: []].insert(route.method) }
        #expect(served == described)
    }

    @Test func whatIsServedIsTheDocument() throws {
        #expect(String(decoding: OpenAPIDocument.bytes, as: UTF8.self).hasPrefix("openapi: 3.1.0"))
    }
}

@Suite struct FailureTableTests {
    /// The table of http-api.md, row by row.
    @Test(arguments: [
        (FailureKind.badRequest, 400), (.badFraming, 400), (.notFound, 404), (.roundUnknown, 404), (.roundPending, 404),
        (.methodNotAllowed, 405), (.notAcceptable, 406), (.requestTimeout, 408), (.roundClosed, 409), (.tooLarge, 413),
        (.unsupportedFormat, 415), (.unsupportedEncoding, 415), (.expectationFailed, 417), (.malformedWeights, 422),
        (.schemaMismatch, 422), (.internalError, 500), (.logTopic, 500), (.busy, 503), (.stopping, 503),
        (.logUnreachable, 503), (.outcomeUnknown, 504), (.unsupportedVersion, 505), (.roundExpired, 410),
        (.preconditionFailed, 412), (.rangeNotSatisfiable, 416), (.mismatchingOffset, 409), (.uploadComplete, 409),
        (.uploadOvertaken, 409), (.uploadUnknown, 404), (.digestMismatch, 422), (.keyReused, 422),
        (.clientUnknown, 404), (.unauthorized, 401), (.forbidden, 403), (.quotaExceeded, 429), (.clientConflict, 409),
    ])
    func everyFailureHasItsStatus(_ kind: FailureKind, _ status: Int) {
        #expect(kind.row.status == status)
        #expect(!kind.row.title.isEmpty && kind.row.explanation.hasSuffix("."))
    }

    @Test func theTableIsWhole() { #expect(FailureKind.allCases.count == 36) }
}

@Suite struct WholeNumberTests {
    @Test(arguments: ["0", "1", "9007199254740991"])
    func roundsAreRead(_ text: String) throws {
        #expect(try WholeNumber.round(text) == Int64(text))
    }

    @Test(arguments: ["", "-1", "+1", "01", "1.0", "9007199254740992", "99999999999999999999", "٣", " 1", "1e3"])
    func whatIsNoRoundIsRefused(_ text: String) {
        #expect(throws: Failure.self) { try WholeNumber.round(text) }
    }
}

@Suite struct FailureLimitTests {
    @Test func theBoundThatWasPassedIsSaid() {
        func limit(_ text: String, _ range: ClosedRange<Int64>) -> UInt64? {
            #expect(throws: Failure.self) { try WholeNumber.read(text, in: range, "x") }?.limit
        }
        #expect(limit("0", 1...9) == 1 && limit("10", 1...9) == 9 && limit("x", 1...9) == nil)
        let key = #expect(throws: Failure.self) { try IdempotencyKey.parse(String(repeating: "x", count: 256)) }
        #expect(key?.limit == 255)
        #expect(#expect(throws: Failure.self) { try IdempotencyKey.parse("a b") }?.limit == nil)
        let id = #expect(throws: Failure.self) { try UploadRequest.check(String(repeating: "x", count: 129)) }
        #expect(id?.limit == 128)
        #expect(#expect(throws: Failure.self) { try UploadRequest.check("a/b") }?.limit == nil)
    }
}

@Suite struct ByteRangeTests {
    @Test(
        arguments: [
            (nil, .whole), ("bytes=0-0", .part(0..<1)), ("bytes=3-", .part(3..<10)), ("bytes=-4", .part(6..<10)),
            ("bytes=-400", .part(0..<10)), ("bytes=9-400", .part(9..<10)), ("bytes=10-", .unsatisfiable),
            ("bytes=-0", .unsatisfiable), ("bytes=4-3", .whole), ("bytes=1-2,4-5", .whole), ("bytes=", .whole),
            ("bytes=99999999999999999999-", .unsatisfiable), ("bytes=0-99999999999999999999", .part(0..<10)),
            ("items=0-1", .whole), ("BYTES=0-1", .part(0..<2)), ("bytes=+1-2", .whole),
        ] as [(String?, ByteRange.Verdict)])
    func meansWhatRFC9110Says(header: String?, expected: ByteRange.Verdict) {
        #expect(ByteRange.parse(header, size: 10) == expected)
    }

    @Test func ofNothingThereIsNoPart() {
        #expect(ByteRange.parse("bytes=0-", size: 0) == .unsatisfiable)
        #expect(ByteRange.parse("bytes=-5", size: 0) == .unsatisfiable)
    }
}
