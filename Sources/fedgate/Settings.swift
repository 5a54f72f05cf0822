internal import Flags
internal import Glibc
internal import Telemetry

/// Where settings come from: flags over environment over file over defaults.
enum Settings {
    static let config = Flag("--config", .value("FILE"), "settings in YAML; flags and FEDGATE_… variables overrule it")

    static func arguments(_ line: [String], of command: Command) throws(UsageFailure) -> Arguments {
        var arguments = try Arguments(line, flags: command.flags)
        guard command.flags.contains(config) else { return arguments }
        let file: SettingsFile? = if let path = arguments[config.name] { try SettingsFile(path) } else { nil }
        let others = Command.all.flatMap(\.flags)
        try arguments.complete(command.flags, others: others, environment: environment, file: file)
        return arguments
    }

    /// Has SIGHUP read the log level anew, from the same places as at start.
    ///
    /// A flag stays what it is, and a variable too: the file is what can change.
    static func reloadLevel(of logger: Logger, _ reload: Reload) {
        reload.add("log level") {
            let now = try Settings.arguments(Array(CommandLine.arguments.dropFirst(2)), of: .serve)
            logger.lowest = try LogLines.level(now)
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
