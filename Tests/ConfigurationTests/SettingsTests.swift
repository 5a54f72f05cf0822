import Configuration
import Flags
import Foundation
import Testing

/// Settings from a line, an environment and a file's text.
func settings(_ line: [String] = [], _ environment: [String: String] = [:], _ file: String? = nil) throws -> Settings {
    let flags = Catalogue.all.compactMap(\.asFlag)
    let arguments = try Arguments(line, flags: flags)
    return try Settings(arguments, environment: environment, file: try file.map(settingsFile))
}

func settingsFile(_ text: String) throws -> SettingsFile {
    let path = NSTemporaryDirectory() + UUID().uuidString + ".yaml"
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try SettingsFile(path)
}

@Suite struct SettingsTests {
    @Test func flagsOverruleTheEnvironmentAndThatTheFileAndThatTheDefaults() throws {
        let file = "http:\n  listen: file:1\n  max_body: 5MiB\naggregation: {enabled: false}\n"
        let environment = ["FEDGATE_HTTP_MAX_BODY": "7MiB", "FEDGATE_HTTP_LISTEN": "environment:1"]
        let settings = try settings(["--listen", "flag:1"], environment, file)
        #expect(settings[Catalogue.listen] == "flag:1")
        #expect(settings[Catalogue.maxBody] == 7 << 20)
        #expect(settings[Catalogue.hasAggregator] == false)
        #expect(settings[Catalogue.memory] == 64 << 20)
        #expect(settings.values["http.max_body"]?.source == .variable("FEDGATE_HTTP_MAX_BODY"))
    }

    @Test func listsMayBeWrittenInBothWays() throws {
        for text in ["[\"a:1\", \"b:2\"]", "a:1,b:2", "\n    - a:1\n    - b:2"] {
            let settings = try settings([], [:], "kafka:\n  bootstrap_servers: \(text)\n")
            #expect(settings[Catalogue.brokers] == ["a:1", "b:2"])
        }
    }

    @Test func propertiesOfLibrdkafkaPassThrough() throws {
        let file = """
            kafka:
              bootstrap_servers: a:1
              librdkafka:
                security.protocol: SASL_SSL
                sasl.username: me
            """
        let settings = try settings([], ["FEDGATE_KAFKA_LIBRDKAFKA_SASL_PASSWORD": "geheim"], file)
        #expect(
            settings.properties.mapValues(\.text) == [
                "security.protocol": "SASL_SSL", "sasl.username": "me", "sasl.password": "geheim",
            ])
        let printed = SettingsPrint.text(of: settings)
        #expect(!printed.contains("geheim") && printed.contains("sasl.username: me"))
    }

    /// Every default is right, and what is printed says the same again.
    @Test func defaultsAreRightAndWhatIsPrintedLoads() throws {
        for setting in Catalogue.all {
            if let standard = setting.standard { #expect(setting.fault(in: standard) == nil, "\(setting.name)") }
        }
        let first = try settings(["--memory", "1GiB", "--no-access-log"], [:], "kafka: {bootstrap_servers: a:1}\n")
        let again = try settings([], [:], SettingsPrint.text(of: first))
        #expect(again[Catalogue.memory] == 1 << 30 && !again[Catalogue.accessLog])
        #expect(again[Catalogue.brokers] == ["a:1"] && again[Catalogue.keepRounds] == .max)
        #expect(SettingsPrint.text(of: again).contains("memory: 1GiB"))
    }

    @Test func theSampleLoadsAndSaysNothing() throws {
        let sample = try settings([], [:], SampleFile.text)
        #expect(sample.values.isEmpty && sample.warnings.isEmpty)
        // With the hashes taken away it says the defaults.
        let lines = SampleFile.text.split(separator: "\n").map { line in
            line.hasPrefix("  # ") && !line.contains("without it") ? "  " + line.dropFirst(4) : String(line)
        }
        let whole = lines.filter { !$0.contains("librdkafka") && !$0.contains("security.protocol") }
        let all = try settings([], [:], whole.joined(separator: "\n"))
        for setting in Catalogue.all where setting.standard != nil {
            #expect(all.values[setting.name]?.text == setting.standard, "\(setting.name)")
        }
    }

    @Test func aVariableThatIsNearlyOneIsSaid() throws {
        let near = try settings([], ["FEDGATE_HTTP_LISTN": "x", "FEDGATE_SERVICE_HOST": "10.0.0.1"])
        #expect(near.warnings.count == 1)
        #expect(near.warnings.first?.contains("did you mean FEDGATE_HTTP_LISTEN?") == true)
    }

    @Test func whatIsNotThereIsSaidOrRefused() throws {
        let warned = try settings([], [:], "communication: {enable_differential_updates: true}\n")
        #expect(warned.warnings.count == 1 && warned.warnings[0].contains("whole models"))
        #expect(throws: UsageFailure.self) { try settings([], [:], "privacy: {differential_privacy_enabled: true}\n") }
    }

    /// docs/configuration.md and examples/fedgate.yaml are what the catalogue says.
    @Test func thePagesInTheRepositoryAreCurrent() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: "docs/configuration.md"), encoding: .utf8)
        #expect(page == ConfigurationPage.text + "\n", "run: fedgate config docs > docs/configuration.md")
        let sample = try String(contentsOf: root.appending(path: "examples/fedgate.yaml"), encoding: .utf8)
        #expect(sample == SampleFile.text + "\n", "run: fedgate config sample > examples/fedgate.yaml")
    }
}

@Suite struct FormTests {
    @Test(arguments: ["", "x", "-1", "0", "5XB", "99999999999999999999", "9999999999GiB"])
    func whatIsNoSizeIsRefused(_ text: String) { #expect(Catalogue.maxBody.setting.fault(in: text) != nil) }

    @Test(arguments: ["", "x", "0", "-1", "inf", "nan", "1e999"])
    func whatIsNoDeadlineIsRefused(_ text: String) { #expect(Catalogue.roundDeadline.setting.fault(in: text) != nil) }
}

@Suite struct MistakeTests {
    @Test(arguments: [
        ("http:\n  lissten: x\n", ":2: http.lissten is not a setting; did you mean http.listen?"),
        ("listen: x\n", ":1: listen is not a setting; did you mean http.listen?"),
        ("http:\n  max_body: x\n", ":2: http.max_body has to be a number of bytes such as 500000 or 64MiB, not x"),
        ("aggregation:\n  enabled: 5\n", ":2: aggregation.enabled has to be true or false, not 5"),
        (
            "aggregation:\n  min_updates: 0\n",
            ":2: aggregation.min_updates has to be a whole number from 1 to 1000000, not 0"
        ),
        ("http:\n  listen: a\n  listen: b\n", ":3: http.listen comes twice"),
        ("http:\n  listen: [a, b]\n", ":2: http.listen has one value, not a list"),
        ("http: {\n", ":2:"), ("text", ":1: settings are keys"),
        (
            "serialization:\n  chunk_size: 4MiB\nkafka:\n  max_message_size: 1MiB\n",
            ":2: serialization.chunk_size of 4MiB"
        ),
        ("security:\n  encryption_enabled: true\n", ":2: security.encryption_enabled: payloads are not encrypted yet"),
        ("kafka:\n  librdkafka:\n    linger.ms: 5\n", ":3: kafka.librdkafka.linger.ms needs Kafka"),
        (
            "kafka:\n  bootstrap_servers: a:1\n  librdkafka:\n    acks: 1\n",
            ":4: kafka.librdkafka.acks cannot be set: only what all replicas"
        ),
        (
            "kafka:\n  topics:\n    weight_updates: mine\n",
            ":3: kafka.topics.weight_updates has to be federated_weight_updates"
        ),
        ("http:\n  content_codings: [br]\n", ":2: http.content_codings has to be none or a list such as zstd,gzip"),
    ])
    func nameTheLine(_ text: String, _ hint: String) {
        let failure = #expect(throws: UsageFailure.self) { try settings([], [:], text) }
        #expect(failure?.description.contains(hint) == true, "\(String(describing: failure))")
    }

    @Test func areAllToldAtOnce() {
        let failure = #expect(throws: UsageFailure.self) {
            try settings(["--min-updates", "x"], ["FEDGATE_LOG_LEVEL": "loud"], "http:\n  max_body: x\n  port: 80\n")
        }
        let text = failure?.description ?? ""
        #expect(
            text.hasPrefix("4 mistakes") && text.contains("--min-updates has to be")
                && text.contains("FEDGATE_LOG_LEVEL"))
        #expect(text.contains("http.port is not a setting"))
    }
}
