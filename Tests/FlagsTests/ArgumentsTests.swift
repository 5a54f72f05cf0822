import Foundation
import Testing

@testable import Flags

@Suite struct ArgumentsTests {
    private static let flags = [
        Flag("--listen", .value("ADDRESS"), "where"), Flag("--max-body", .value("BYTES"), "how much"),
        Flag("--aggregator", .toggle, "whether"),
    ]

    private func parse(_ arguments: String...) throws(UsageFailure) -> Arguments {
        try Arguments(arguments, flags: Self.flags)
    }

    @Test func readsValuesTogglesAndOperands() throws {
        let arguments = try parse("--listen", "a:1", "file", "--no-aggregator", "--max-body=2MiB", "--", "--x")
        #expect(arguments["--listen"] == "a:1")
        #expect(arguments.toggle("--aggregator") == false)
        #expect(try arguments.bytes("--max-body", or: 1) == 2 << 20)
        #expect(arguments.operands == ["file", "--x"])
    }

    @Test(arguments: [
        (["--lisen", "x"], "did you mean --listen?"), (["--no-agregator"], "did you mean --no-aggregator?"),
        (["--listen"], "needs a value"), (["--listen", "a", "--listen", "b"], "comes twice"),
        (["--aggregator=yes"], "takes no value"), (["--quux"], "--quux is not a flag here"),
    ])
    func mistakesAreExplained(_ arguments: [String], _ hint: String) {
        let failure = #expect(throws: UsageFailure.self) { try Arguments(arguments, flags: Self.flags) }
        #expect(failure?.description.contains(hint) == true)
    }

    @Test(arguments: ["", "x", "-1", "0", "5XB", "99999999999999999999", "9999999999GiB"])
    func whatIsNoSizeIsRefused(_ text: String) {
        #expect(throws: UsageFailure.self) { try parse("--max-body", text).bytes("--max-body", or: 1) }
    }
}

@Suite struct SettingsFileTests {
    private static let flags = [
        Flag("--listen", .value("ADDRESS"), "where", key: "http.listen"),
        Flag("--max-body", .value("BYTES"), "how much", key: "http.max_body"),
        Flag("--aggregator", .toggle, "whether", key: "aggregation.enabled"),
    ]

    private func file(_ text: String) throws -> SettingsFile {
        let path = NSTemporaryDirectory() + UUID().uuidString + ".yaml"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try SettingsFile(path)
    }

    @Test func flagsOverruleTheEnvironmentAndThatTheFile() throws {
        let file = try file("http:\n  listen: file:1\n  max_body: 5MiB\naggregation: {enabled: false}\n")
        var arguments = try Arguments(["--listen", "flag:1"], flags: Self.flags)
        let environment = ["FEDGATE_HTTP_MAX_BODY": "7MiB", "FEDGATE_HTTP_LISTEN": "environment:1"]
        try arguments.complete(Self.flags, others: [], environment: environment, file: file)
        #expect(arguments["--listen"] == "flag:1")
        #expect(try arguments.bytes("--max-body", or: 1) == 7 << 20)
        #expect(arguments.toggle("--aggregator") == false)
    }

    @Test(arguments: [
        ("http:\n  lissten: x\n", ":2: http.lissten is not a setting; did you mean http.listen?"),
        ("http:\n  max_body: x\n", ":2: http.max_body has to be a number of bytes"),
        ("aggregation:\n  enabled: 5\n", ":2: aggregation.enabled has to be true or false"),
        ("http:\n  listen: a\n  listen: b\n", ":3: http.listen comes twice"), ("http: [1]\n", ":1: lists"),
        ("http: {\n", ":2:"), ("text", ":1: settings are keys"),
    ])
    func mistakesNameTheLine(_ text: String, _ hint: String) {
        let failure = #expect(throws: UsageFailure.self) {
            let file = try file(text)
            var arguments = try Arguments([], flags: Self.flags)
            try arguments.complete(Self.flags, others: [], environment: [:], file: file)
            _ = try arguments.bytes("--max-body", or: 1)
        }
        #expect(failure?.description.contains(hint) == true, "\(String(describing: failure))")
    }
}
