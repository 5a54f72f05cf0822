import FoundationEssentials
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

    /// What is plain has a reader of its own; it has to agree with the decoder about every text, right or spoilt.
    @Test func plainTextsAreReadAsTheDecoderReadsThem() {
        let texts = [
            #"{"round": 3, "client": "a b", "tags": ["x", -7, null, true, {"deep": []}]}"#, #"{"a":1,"a":2}"#, "-0",
            "00", "1e3",
            "[1,]", "{,}", " [ ] ", "[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]", "999999999999999999",
            "9223372036854775807",
            #""é""#, #""a\u0041""#, "truee", "[true false]", "-", "\"",
        ]
        func check(_ bytes: [UInt8]) {
            let decoded = try? JSONDecoder().decode(JSONValue.self, from: Data(bytes))
            #expect((try? JSONValue(parsing: bytes)) == decoded, "\(String(decoding: bytes, as: UTF8.self))")
        }
        var random = SystemRandomNumberGenerator()
        let alphabet = Array(#"{}[]",:0159-.e tfn\x"#.utf8)
        for text in texts {
            let bytes = Array(text.utf8)
            check(bytes)
            for _ in 0..<200 where !bytes.isEmpty {
                var spoilt = bytes
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: spoilt[place] = alphabet.randomElement(using: &random) ?? 0x20
                case 1: spoilt.insert(alphabet.randomElement(using: &random) ?? 0x20, at: place)
                default: spoilt.remove(at: place)
                }
                check(spoilt)
            }
        }
    }
}
