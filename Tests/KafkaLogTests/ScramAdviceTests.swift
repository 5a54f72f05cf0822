import Testing

@testable import KafkaLog

@Suite struct ScramAdviceTests {
    @Test(arguments: [(0x0200_02FF, true), (0x0206_00FF, true), (0x0206_01FF, false), (0x0208_00FF, false)])
    func isForOldVersionsOnly(_ version: Int32, _ isGiven: Bool) {
        var configuration = KafkaConfiguration(brokers: "a:1", maxRecordBytes: 1 << 20)
        #expect(configuration.scramAdvice(of: version, "x") == nil)
        configuration.properties["sasl.mechanisms"] = "SCRAM-SHA-256"
        #expect((configuration.scramAdvice(of: version, "x") != nil) == isGiven)
        configuration.properties["sasl.mechanisms"] = "PLAIN"
        #expect(configuration.scramAdvice(of: version, "x") == nil)
    }

    @Test func anUnknownPropertyIsNamedAndItsValueIsNot() {
        let configuration = KafkaConfiguration(
            brokers: "a:1", properties: ["sasl.pasword": "geheim"], maxRecordBytes: 1 << 20)
        let failure = #expect(throws: (any Error).self) { try configuration.check() }
        let text = String(describing: failure)
        #expect(text.contains("sasl.pasword") && !text.contains("geheim"))
    }
}
