import Testing
import WireJSON

@Suite struct JSONValueTests {
    @Test(arguments: [
        "null", "true", "3", "-9007199254740993", "2.5", #""a/b""#, #"[1,[],{}]"#, #"{"a":null,"b":[false]}"#,
    ])
    func roundTripsToTheSameText(text: String) throws {
        #expect(String(decoding: try JSONValue(parsing: text.utf8).encoded(), as: UTF8.self) == text)
    }

    @Test(arguments: ["", "NaN", "[1", "{} {}", "{'a':1}", "Infinity", "01"])
    func refusesWhatIsNotJSON(text: String) {
        #expect(throws: JSONFailure.self) { try JSONValue(parsing: text.utf8) }
    }

    @Test func aWholeNumberIsAnInteger() throws {
        #expect(try JSONValue(parsing: "3.0".utf8).integerValue == 3)
        #expect(try JSONValue(parsing: "3.5".utf8).integerValue == nil)
        #expect(try JSONValue(parsing: "true".utf8).integerValue == nil)
    }
}
