/// What is in force, as a file of settings that says the same again.
public enum SettingsPrint {
    /// The file, with the place that each value came from as a comment.
    ///
    /// - Parameter settings: that are in force.
    public static func text(of settings: Settings) -> String {
        Catalogue.sections.map { section in
            var lines = ["\(section.name):"]
            var inner: String?
            for setting in section.settings {
                let parts = setting.member.split(separator: ".").map { String($0) }
                if parts.count > 1, inner != parts[0] { lines.append("  \(parts[0]):") }
                inner = parts.count > 1 ? parts[0] : nil
                let indent = parts.count > 1 ? "    " : "  "
                lines.append(indent + line(setting, parts.last ?? "", settings.values[setting.name]))
            }
            if section.name == "kafka", !settings.properties.isEmpty { lines += properties(settings) }
            return lines.joined(separator: "\n")
        }.joined(separator: "\n")
    }

    private static func line(_ setting: Setting, _ name: String, _ value: Settings.Value?) -> String {
        if let value { return "\(name): \(quoted(value.text))  # \(value.source)" }
        guard let standard = setting.standard else { return "# \(name): \(setting.otherwise)" }
        return "\(name): \(quoted(standard))  # default"
    }

    private static func properties(_ settings: Settings) -> [String] {
        ["  librdkafka:"]
            + settings.properties.sorted { $0.key < $1.key }.map { name, value in
                Passthrough.isSecret(name)
                    ? "    # \(name): (not shown)  # \(value.source)"
                    : "    \(name): \(quoted(value.text))  # \(value.source)"
            }
    }

    private static func quoted(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy {
            48...57 ~= $0 || 65...90 ~= $0 || 97...122 ~= $0 || [0x2d, 0x2e, 0x5f, 0x2f].contains($0)
        }
        if isPlain, !text.isEmpty { return text }
        return "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
            + "\""
    }
}
