import Testing
import WireTime

@Suite struct TimestampTests {
    @Test(arguments: [
        (0.0, "1970-01-01T00:00:00.000Z"), (1_700_000_000.25, "2023-11-14T22:13:20.250Z"),
        (253_402_300_799.0, "9999-12-31T23:59:59.000Z"),
    ])
    func isRFC3339(_ seconds: Double, _ text: String) {
        #expect(Timestamp.text(seconds) == text)
    }
}
