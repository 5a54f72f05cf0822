internal import Glibc
internal import Synchronization

/// One line an event: time, level, what happened, and fields.
///
/// Thread: any; lines do not mix.
public struct Logger: Sendable {
    /// How much an event matters.
    public enum Level: Int, Sendable, Comparable, CaseIterable {
        case debug, info, warning, error

        /// By how much it matters.
        public static func < (one: Level, other: Level) -> Bool { one.rawValue < other.rawValue }

        /// As it stands in a line.
        public var name: String {
            switch self {
            case .debug: "debug"
            case .info: "info"
            case .warning: "warning"
            case .error: "error"
            }
        }

        /// The level of a name.
        ///
        /// - Parameter name: as it stands in a line.
        public init?(name: String) {
            guard let level = Self.allCases.first(where: { $0.name == name }) else { return nil }
            self = level
        }
    }

    /// What all copies share.
    private final class Core: Sendable {
        let lowest: Atomic<Int>
        init(_ lowest: Level) { self.lowest = Atomic(lowest.rawValue) }
    }

    private let core: Core
    private let format: LogFormat
    private let output: LogOutput

    /// A logger that writes each line before it goes on; for commands and tests.
    ///
    /// - Parameters:
    ///   - lowest: events below it are left out.
    ///   - descriptor: where lines go; standard error unless told.
    public init(lowest: Level = .info, descriptor: Int32 = 2) {
        self.init(lowest: lowest, format: .text, output: LogOutput(direct: descriptor))
    }

    /// A logger over an output of its own choice.
    ///
    /// - Parameters:
    ///   - lowest: events below it are left out.
    ///   - format: of the lines.
    ///   - output: where lines go.
    public init(lowest: Level, format: LogFormat, output: LogOutput) {
        core = Core(lowest)
        self.format = format
        self.output = output
    }

    /// Events below it are left out; all copies of a logger share it.
    public var lowest: Level {
        get { Level(rawValue: core.lowest.load(ordering: .relaxed)) ?? .info }
        nonmutating set { core.lowest.store(newValue.rawValue, ordering: .relaxed) }
    }

    /// Writes what waits and does not queue any more; for the end of a process.
    ///
    /// Blocks for two seconds at most.
    public func flush() { output.close() }

    /// Has the losses of the queue shown as a metric.
    ///
    /// - Parameter registry: gets it.
    public func register(in registry: MetricRegistry) {
        let output = output
        registry.collect("fedgate_log_lines_dropped_total", "Log lines that were dropped.", .counter) {
            [([], Double(output.dropped.value))]
        }
    }

    /// Whether an event of this level would be written.
    ///
    /// - Parameter level: how much it matters.
    public func admits(_ level: Level) -> Bool { level.rawValue >= core.lowest.load(ordering: .relaxed) }

    /// Writes one event.
    ///
    /// - Parameters:
    ///   - level: how much it matters.
    ///   - message: what happened; no secrets.
    ///   - fields: names and values.
    public func log(
        _ level: Level, _ message: @autoclosure () -> String, _ fields: @autoclosure () -> [(String, String)] = []
    ) {
        guard admits(level) else { return }
        write(level, message()) { line in for (name, value) in fields() { line.text(named: name, value) } }
    }

    /// Writes one event whose fields have types.
    ///
    /// - Parameters:
    ///   - level: how much it matters.
    ///   - message: what happened; no secrets.
    ///   - fields: appends them.
    public func event(_ level: Level, _ message: @autoclosure () -> String, _ fields: (inout LogLine) -> Void) {
        guard admits(level) else { return }
        write(level, message(), fields)
    }

    /// Something worth a line in everyday work.
    public func info(_ message: @autoclosure () -> String, _ fields: [(String, String)] = []) {
        log(.info, message(), fields)
    }

    /// Something that a person should look at some time.
    public func warning(_ message: @autoclosure () -> String, _ fields: [(String, String)] = []) {
        log(.warning, message(), fields)
    }

    /// Something that a person should look at now.
    public func error(_ message: @autoclosure () -> String, _ fields: [(String, String)] = []) {
        log(.error, message(), fields)
    }

    /// Writes something that has to be said at any level, such as where the process can be reached.
    ///
    /// - Parameters:
    ///   - message: what happened.
    ///   - fields: appends them.
    public func announce(_ message: String, _ fields: (inout LogLine) -> Void = { _ in }) {
        write(.info, message, fields)
    }

    private func write(_ level: Level, _ message: String, _ fields: (inout LogLine) -> Void) {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var line = LogLine(format, now, level, message)
        fields(&line)
        output.write(line.finish())
    }
}
