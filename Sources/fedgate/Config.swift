internal import Configuration
internal import Flags
internal import KafkaLog

/// `fedgate config`: what settings there are, whether a file is right, what is in force.
extension Command {
    static let config = Command(
        name: "config", operands: "check [FILE] | print | docs | sample",
        summary: "Check settings, show what is in force, or print their documentation.", flags: serve.flags,
        run: { arguments throws(UsageFailure) in
            switch arguments.operands.first {
            case "check" where arguments.operands.count <= 2: try check(arguments)
            case "print" where arguments.operands.count == 1:
                Terminal.print(SettingsPrint.text(of: try SettingsSource.read(arguments)))
            case "docs" where arguments.operands.count == 1: Terminal.print(ConfigurationPage.text)
            case "sample" where arguments.operands.count == 1: Terminal.print(SampleFile.text)
            default: throw UsageFailure("config needs one of: check [FILE], print, docs, sample")
            }
            return 0
        })

    private static func check(_ arguments: Arguments) throws(UsageFailure) {
        let file = arguments.operands.count > 1 ? arguments.operands[1] : nil
        let settings = try SettingsSource.read(arguments, file: file)
        try SettingsSource.checkProperties(settings)
        for warning in settings.warnings { Terminal.error("warning: \(warning)") }
        if let kafka = LogSettings(settings).kafka {
            if let advice = kafka.scramAdvice { Terminal.error("warning: \(advice)") }
        }
        let count = settings.values.count + settings.properties.count
        Terminal.print("\(count) settings, no mistake")
    }
}
