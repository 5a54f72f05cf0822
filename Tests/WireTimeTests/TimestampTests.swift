import Glibc
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

    /// Leap days, turns of centuries, moments before 1970, and any others, as the C library has them.
    @Test func isTheCLibrarysDate() {
        var random = SystemRandomNumberGenerator()
        let notable: [Int64] = [
            951_782_399, 951_782_400, 951_868_800, 4_107_542_399, 4_107_542_400, -1, -86_400, -2_203_891_201,
        ]
        let others = (0..<2000).map { _ in Int64.random(in: -60_000_000_000...253_402_300_799, using: &random) }
        for seconds in notable + others {
            var time = time_t(seconds)
            var parts = tm()
            gmtime_r(&time, &parts)
            var text = [CChar](repeating: 0, count: 64)
            strftime(&text, text.count, "%m-%dT%H:%M:%S", &parts)
            let date = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            #expect(Timestamp.text(seconds: seconds, milliseconds: 7).hasSuffix("-\(date).007Z"))
            let year = String(Int(parts.tm_year) + 1900)
            #expect(Timestamp.text(seconds: seconds, milliseconds: 7).contains(year), "\(seconds)")
        }
    }
}
