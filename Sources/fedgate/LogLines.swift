internal import Flags
internal import Telemetry

/// How the program logs.
struct LogLines: Sendable {
    static let format = Flag("--log-format", .value("text|json"), "of log lines (text)", key: "log.format")
    static let access = Flag("--access-log", .toggle, "a line for each request (yes)", key: "log.access")

    let level: Logger.Level
    let format: LogFormat
    let access: Bool

    init(_ arguments: Arguments) throws(UsageFailure) {
        level = try Self.level(arguments)
        let name = try arguments.choice("--log-format", LogFormat.allCases.map(\.rawValue)) ?? "text"
        format = LogFormat(rawValue: name) ?? .text
        access = arguments.toggle("--access-log") ?? true
    }

    static func level(_ arguments: Arguments) throws(UsageFailure) -> Logger.Level {
        let name = try arguments.choice("--log-level", Logger.Level.allCases.map(\.name)) ?? "info"
        return Logger.Level(name: name) ?? .info
    }

    /// A logger whose lines a thread writes; without a thread, they are written at once.
    func makeLogger() -> Logger {
        Logger(lowest: level, format: format, output: LogOutput(queued: 2) ?? LogOutput(direct: 2))
    }
}
