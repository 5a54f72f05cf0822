internal import Flags
internal import Glibc

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
