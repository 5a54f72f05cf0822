internal import Configuration
internal import EventLog
internal import Flags
internal import Glibc
internal import KafkaLog
internal import Telemetry

/// Where settings come from besides the flags: the environment, and a file that a flag or a variable names.
enum SettingsSource {
    static let config = Flag("--config", .value("FILE"), "settings in YAML; flags and FEDGATE_… variables overrule it")

    /// All that was said, checked.
    ///
    /// - Parameters:
    ///   - arguments: of a command whose flags are the catalogue's, and `config`.
    ///   - path: of a file, where no flag names it.
    static func read(_ arguments: Arguments, file path: String? = nil) throws(UsageFailure) -> Settings {
        let environment = environment
        let path = path ?? arguments[config.name] ?? environment["FEDGATE_CONFIG"]
        let file: SettingsFile? = if let path { try SettingsFile(path) } else { nil }
        return try Settings(arguments, environment: environment, file: file)
    }

    /// Has librdkafka look at the properties that pass through to it.
    ///
    /// - Throws: `UsageFailure` that names the property, and where it was set.
    static func checkProperties(_ settings: Settings) throws(UsageFailure) {
        guard let kafka = LogSettings(settings).kafka else { return }
        do throws(LogFailure) { try kafka.check() } catch {
            let place = settings.properties.first { error.reason.contains("property \($0.key) ") }?.value.source
            throw UsageFailure((place.map { "\($0): " } ?? "") + error.reason)
        }
    }

    /// Says what has to be said of them.
    static func warn(_ settings: Settings, _ logger: Logger) {
        for warning in settings.warnings { logger.warning("settings: \(warning)") }
    }

    /// Has SIGHUP read the log level anew, from the same places as at start.
    ///
    /// A flag stays what it is, and a variable too: the file is what can change.
    static func reloadLevel(of logger: Logger, _ reload: Reload) {
        reload.add("log level") {
            let flags = Command.all.first { $0.name == CommandLine.arguments[1] }?.flags ?? []
            let line = try Arguments(Array(CommandLine.arguments.dropFirst(2)), flags: flags)
            logger.lowest = LogLines(try read(line)).level
            return logger.lowest.name
        }
    }

    private static var environment: [String: String] {
        var variables: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let parts = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
            entry += 1
        }
        return variables
    }
}
