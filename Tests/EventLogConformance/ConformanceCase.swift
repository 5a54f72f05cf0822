public import EventLog

/// One thing that every log does; the tests of an implementation run all of `EventLogConformance.cases`.
public struct ConformanceCase: Sendable, CustomStringConvertible {
    /// What the case is about.
    public let description: String
    private let body: @Sendable (Workbench) throws -> Void

    init(_ description: String, _ body: @escaping @Sendable (Workbench) throws -> Void) {
        self.description = description
        self.body = body
    }

    /// Runs the case.
    ///
    /// Blocks.
    ///
    /// - Parameters:
    ///   - topics: how the names of its topics begin: letters, digits, `_` and `-`, and not used for anything else.
    ///   - open: opens a log; called again, after the log of before was closed, it opens the same data.
    /// - Throws: `ConformanceFailure`, or whatever the log threw.
    public func run(topics: String, open: @escaping () throws -> any EventLog) throws {
        let bench = try Workbench(topics: topics, open: open)
        defer { bench.close() }
        try body(bench)
    }
}

/// An expectation that a log did not meet.
public struct ConformanceFailure: Error, CustomStringConvertible {
    /// What was expected and where.
    public let description: String

    init(_ expectation: String, _ file: StaticString, _ line: UInt) {
        description = "\(file):\(line): expected \(expectation)"
    }
}

/// What every log does, whatever it is made of.
///
/// Nothing here supposes one partition, offsets without gaps, or speed.
public enum EventLogConformance {
    /// All cases, in no order that matters.
    public static let cases: [ConformanceCase] =
        appendCases + tailCases + limitCases + closingCases + leadershipCases
}

func expect(
    _ holds: Bool, _ expectation: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) throws {
    if !holds { throw ConformanceFailure(expectation(), file, line) }
}

func expectEqual<Value: Equatable>(
    _ value: Value, _ expected: Value, _ what: String, file: StaticString = #fileID, line: UInt = #line
) throws {
    if value != expected { throw ConformanceFailure("\(what): \(expected), got \(value)", file, line) }
}

func expectFailure<Value>(
    _ kind: LogFailure.Kind, _ what: String, file: StaticString = #fileID, line: UInt = #line,
    _ body: () throws -> Value
) throws {
    let value: Value
    do { value = try body() } catch let failure as LogFailure {
        if failure.kind == kind { return }
        throw ConformanceFailure("\(what) to fail as \(kind), got \(failure)", file, line)
    }
    throw ConformanceFailure("\(what) to fail as \(kind), got \(value)", file, line)
}
