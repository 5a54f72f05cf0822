import Testing

@testable import Envelopes

@Suite struct TextTests {
    @Test(arguments: [
        (1_700_000_000.0, "1700000000.0"), (1_700_000_000.123456, "1700000000.123456"), (0, "0.0"), (1e16, "1e+16"),
        (9_999_999_999_999_998, "9999999999999998.0"), (9e15, "9000000000000000.0"), (9.1e15, "9100000000000000.0"),
        (9_007_199_254_740_994, "9007199254740994.0"), (2e16, "2e+16"), (9.9e16, "9.9e+16"), (1e17, "1e+17"),
        (1.5e-7, "1.5e-07"), (0.0001, "0.0001"), (0.00001, "1e-05"),
        (12_345_678_901_234_568, "1.2345678901234568e+16"), (1.8e16, "1.8e+16"), (-1.2e16, "-1.2e+16"),
        (1e22, "1e+22"), (Double.leastNonzeroMagnitude, "5e-324"), (1.7976931348623157e308, "1.7976931348623157e+308"),
        (0.1, "0.1"),
    ])
    func floatsPrintAsPythonPrintsThem(value: Double, text: String) {
        #expect(PythonFloat.repr(value) == text)
        #expect(PythonFloat.parse(text) == value)
    }

    @Test(arguments: ["", "inf", "nan", "0x10", "1_0", " 1", "1e999", "--1"])
    func otherFloatsAreRefused(text: String) { #expect(PythonFloat.parse(text) == nil) }

    @Test(arguments: [
        (0.0, "1970-01-01T00:00:00.000000Z"), (951_782_400.5, "2000-02-29T00:00:00.500000Z"),
        (1_700_000_000.25, "2023-11-14T22:13:20.250000Z"), (253_402_300_799.5, "9999-12-31T23:59:59.500000Z"),
        (253_402_300_799.99997, "9999-12-31T23:59:59.999969Z"),
    ])
    func timesAreRFC3339(timestamp: Double, text: String) throws {
        #expect(RFC3339.text(timestamp) == text)
        #expect(abs(try #require(RFC3339.seconds(text)) - timestamp) < 0.001)
    }

    @Test(
        arguments: [
            ("1970-01-01T01:00:00+01:00", 0), ("1969-12-31t23:30:00-00:30", 0),
            ("0001-01-01T00:00:00z", -62_135_596_800),
            ("1970-01-01 00:00:00Z", nil), ("1970-01-01T00:00:00", nil), ("1970-13-01T00:00:00Z", nil),
            ("1970-01-01T24:00:00Z", nil), ("1970-01-01T00:00:00.Z", nil), ("1970-01-01T00:00:00Zx", nil), ("", nil),
            ("1970-01-01T00:00:00+1:00", nil),
        ] as [(String, Double?)])
    func timesOfOthersAreRead(text: String, seconds: Double?) { #expect(RFC3339.seconds(text) == seconds) }

    @Test func identifiersHaveUpTo128CodePoints() {
        #expect(Identifier.check(String(repeating: "é", count: 128)))
        #expect(!Identifier.check(String(repeating: "é", count: 129)))
        #expect(!Identifier.check(String(repeating: "e\u{301}", count: 65)))
        for text in ["", "a/b", "a\u{0}", "\n", "\u{1f}", "\u{7f}"] { #expect(!Identifier.check(text)) }
        for text in [" ", "\u{80}", "a\\b", "日本", "%2F"] { #expect(Identifier.check(text)) }
    }

    @Test func messageIDsAreUUIDsOfVersion7InOrderOfTime() {
        // RFC 9562, appendix A.6.
        let example = MessageID.make(
            milliseconds: 0x017F_22E2_79B0, random: (0xCC3, 0x18C4_DC0C_0C07_398F << 2))
        #expect(example == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f")
        let made = Set((0..<1000).map { _ in MessageID.make() })
        #expect(made.count == 1000)
        #expect(made.allSatisfy { Identifier.check($0) && $0.utf8.count == 36 })
        #expect(MessageID.make(milliseconds: 1, random: (.max, .max)) < MessageID.make(milliseconds: 2, random: (0, 0)))
    }

    @Test(arguments: [("abc-._~09", "abc-._~09"), ("a b/ü%", "a%20b%2F%C3%BC%25"), ("\"\\", "%22%5C")])
    func segmentsArePercentEncoded(text: String, encoded: String) {
        #expect(PercentEncoding.encode(text) == encoded)
        #expect(PercentEncoding.decode(encoded[...]) == text)
        #expect(PercentEncoding.decode(encoded.lowercased()[...])?.lowercased() == text.lowercased())
    }

    @Test func stringsOfTheEnvelopeAreEscaped() {
        var text = JSONText()
        text.add("a", "\"\\\u{0}\n\u{1f}\u{7f}é")
        text.add("b", nil as String?)
        text.close()
        #expect(
            String(decoding: text.bytes, as: UTF8.self) == #"{"a":"\"\\\u0000\u000a\u001f"# + "\u{7f}é\",\"b\":null}")
    }

    @Test func failuresReadAsOneLine() {
        #expect(EnvelopeFailure("payload", "is missing").description == "payload: is missing")
        #expect(EnvelopeFailure("x", "y", at: 7).description == "x: y (at byte 7)")
    }
}
