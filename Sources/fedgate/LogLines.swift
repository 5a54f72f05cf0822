internal import Configuration
internal import Telemetry

/// How the program logs.
struct LogLines: Sendable {
    static let flags = [Catalogue.logLevel.setting, Catalogue.logFormat.setting].compactMap(\.asFlag)

    let level: Logger.Level
    let format: LogFormat
    let access: Bool

    init(_ settings: Settings) {
        level = Logger.Level(name: settings[Catalogue.logLevel]) ?? .info
        format = LogFormat(rawValue: settings[Catalogue.logFormat]) ?? .text
        access = settings[Catalogue.accessLog]
    }

    /// A logger whose lines a thread writes; without a thread, they are written at once.
    func makeLogger() -> Logger {
        Logger(lowest: level, format: format, output: LogOutput(queued: 2) ?? LogOutput(direct: 2))
    }
}
