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
        #expect(arguments["--max-body"] == "2MiB")
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
}
