import Foundation
import Testing

@testable import Credentials

@Suite struct TokenTests {
    @Test func noTwoAreEqualAndEachIsLong() {
        let texts = Set((0..<1000).map { _ in Token().text })
        #expect(texts.count == 1000 && texts.allSatisfy { $0.hasPrefix("fedgate_") && $0.utf8.count == 51 })
        // Every letter comes: 43,000 draws of 64.
        #expect(Set(texts.flatMap { $0.dropFirst(8) }).count == 64)
    }

    @Test func theTableKnowsGoodTokensOnly() {
        let (good, old, other) = (Token(), Token(), Token())
        let table = TokenTable([
            Grant(hash: good.hash, clientID: "a", scopes: [.upload], expires: nil),
            Grant(hash: old.hash, clientID: nil, scopes: [.read], expires: 1_000_000),
        ])
        #expect(table.grant(of: good.text)?.clientID == "a")
        #expect(table.grant(of: old.text) == nil)
        #expect(table.grant(of: other.text) == nil)
        #expect(table.grant(of: "") == nil && table.grant(of: String(repeating: "x", count: 1 << 20)) == nil)
        table.replace([])
        #expect(table.grant(of: good.text) == nil)
    }
}

@Suite struct TokenFileTests {
    private func path() -> String { NSTemporaryDirectory() + UUID().uuidString + ".jsonl" }

    @Test func whatIsWrittenIsReadAgainAndHoldsNoToken() throws {
        let path = path()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let token = Token()
        var file = try TokenFile(path, mayBeMissing: true)
        try file.add(Grant(hash: token.hash, clientID: "site \"a\"", scopes: [.upload, .read], expires: 2_000_000_000))
        try file.add(Grant(hash: Token().hash, clientID: nil, scopes: [.operate], expires: nil))
        let again = try TokenFile(path)
        #expect(again.grants == file.grants)
        #expect(try !String(contentsOfFile: path, encoding: .utf8).contains(token.text))
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        #expect(try file.remove(again.grants[0].id) == true)
        #expect(try file.remove("nobody") == false)
        #expect(try TokenFile(path).grants.count == 1)
    }

    @Test(arguments: [
        "x", "{}", #"{"sha256":"00","scopes":["read"]}"#,
        #"{"sha256":"0000000000000000000000000000000000000000000000000000000000000000","scopes":["everything"]}"#,
        #"{"sha256":"0000000000000000000000000000000000000000000000000000000000000000","scopes":[]}"#,
        #"{"sha256":"0000000000000000000000000000000000000000000000000000000000000000","scopes":["read"],"expires":"soon"}"#,
    ])
    func aWrongLineIsNamed(_ line: String) throws {
        let path = path()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try ("# tokens\n\n" + line + "\n").write(toFile: path, atomically: true, encoding: .utf8)
        let failure = #expect(throws: CredentialFailure.self) { try TokenFile(path) }
        #expect(failure?.description.contains(":3:") == true)
    }

    @Test func aMissingFileIsSaid() {
        #expect(throws: CredentialFailure.self) { try TokenFile("/nonexistent/tokens") }
    }
}
