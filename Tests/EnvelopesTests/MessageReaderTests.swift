import Compression
import Envelopes
import EventLog
import Testing
import WireJSON

@Suite struct MessageReaderTests {
    @Test func whatIsPutTogetherByHandIsRead() throws {
        let made = HandMade()
        for opened in [try open(made.json), try open(made.package.whole, headers: made.headers())] {
            #expect(opened.payload == made.payload)
            #expect(opened.message.senderID == "c" && opened.message.timestamp == 1.5)
            #expect(opened.package.modelVersion == nil && opened.package.metadata == [:])
        }
    }

    @Test(
        arguments: [
            ("message_id", nil), ("message_id", .string("other")), ("message_id", .string("a\nb")),
            ("message_id", .integer(1)), ("message_type", .string("weights")), ("message_type", nil),
            ("sender_id", .string("a/b")), ("sender_id", nil), ("timestamp", .string("1.5")), ("timestamp", nil),
            ("timestamp", .number(-1)), ("timestamp", .number(253_402_300_800)), ("round_number", .number(1.5)),
            ("round_number", .integer(-1)), ("round_number", .integer(1 << 53)), ("round_number", .bool(true)),
            ("round_number", .null), ("payload", nil), ("payload", .integer(3)), ("payload", .string("A")),
            ("payload", .string("AAA*")), ("metadata", .array([])), ("metadata", .null), ("checksum", nil),
            ("checksum", .string(String(repeating: "0", count: 64))), ("checksum", .integer(1)),
        ] as [(String, JSONValue?)])
    func eachSpoiltFieldOfJSONIsNamed(field: String, value: JSONValue?) {
        let expected = field == "message_id" && value == .string("other") ? "checksum" : field
        #expect(refusedField { try open(HandMade(fields: [field: value]).json) } == expected)
    }

    @Test(
        arguments: [
            ("ce_specversion", "0.3"), ("ce_id", nil), ("ce_id", ""), ("ce_type", "weight_update"),
            ("ce_type", "fedgate.x"), ("ce_type", nil), ("ce_source", nil), ("ce_source", "c"),
            ("ce_source", "/clients/"), ("ce_source", "/clients/a%2Fb"), ("ce_source", "/clients/%zz"),
            ("ce_source", "/clients/%ff"), ("ce_time", "yesterday"), ("ce_time", "1970-01-01T00:00:09Z"),
            ("ce_subject", nil), ("ce_subject", "x"), ("ce_subject", "-1"), ("ce_subject", "9007199254740992"),
            ("ce_subject", "99999999999999999999"), ("ce_checksum", nil), ("ce_checksum", "0"),
            ("ce_timestamp", nil), ("ce_timestamp", "nan"), ("ce_timestamp", "0x1p3"), ("ce_timestamp", "-1.0"),
            ("ce_metadata", "[]"), ("ce_metadata", "{"), ("ce_metadata", "\u{0}"),
            ("content-type", "application/json"),
        ] as [(String, String?)])
    func eachSpoiltHeaderIsNamed(name: String, value: String?) {
        let made = HandMade()
        #expect(refusedField { try open(made.package.whole, headers: made.headers([name: value])) } == name)
    }

    @Test(
        arguments: [
            ("format", nil), ("format", .string("")), ("compression", .string("brotli")),
            ("compression", .string("brotli")), ("compression", nil), ("checksum", nil),
            ("checksum", .string("AB")), ("checksum", .string(String(repeating: "0", count: 64))),
            ("original_size", .integer(6)), ("original_size", .integer(8)), ("original_size", .integer(-1)),
            ("original_size", .integer(1 << 40)), ("original_size", nil), ("compressed_size", .integer(6)),
            ("compressed_size", .string("7")), ("timestamp", .null), ("timestamp", .number(-0.5)),
            ("model_version", .integer(1)), ("client_id", .string("a/b")), ("client_id", .integer(1)),
            ("client_id", nil), ("round_number", .string("1")), ("round_number", .integer(-1)),
            ("data_type", .string("x")), ("data_type", .null), ("checksum_algorithm", .string("md5")),
            ("filter", .string("bitplane")), ("filter", .string("x")), ("metadata", .array([])),
            ("chunks", .array([])), ("chunks", .object(["count": .integer(1), "size": .integer(7)])),
        ] as [(String, JSONValue?)])
    func eachSpoiltFieldOfThePackageIsNamed(field: String, value: JSONValue?) {
        let made = HandMade(header: [field: value])
        #expect(refusedField { try open(made.json) } == "package." + field)
        #expect(refusedField { try open(made.package.whole, headers: made.headers()) } == "package." + field)
    }

    @Test func spoiltHeadsAreRefused() {
        #expect(refusedField { try open(HandMade(magic: "FEDPK002").json) } == "package.magic")
        #expect(refusedField { try open(HandMade(magic: "FEDEN001").json) } == "package.magic")
        #expect(refusedField { try open(HandMade(headerLength: .max).json) } == "package.header_length")
        #expect(refusedField { try open(HandMade(headerText: "[]").json) } == "package.header")
        #expect(refusedField { try open(HandMade(headerText: #"{"format":"a","format":"a"}"#).json) } == "format")
        let made = HandMade()
        for count in [0, 7, 8, 11] {
            let short = Array(made.package.whole.prefix(count))
            let field = refusedField { try open(short, headers: made.headers()) }
            #expect(field == (count < 8 ? "package.magic" : "package.header_length"))
        }
    }

    @Test(arguments: EnvelopeKind.allCases, Codec.allCases)
    func everyByteOfTheValueCounts(envelope: EnvelopeKind, compression: Codec) throws {
        let sealed = try seal([Array("some payload".utf8)], envelope, compression, message: message(sender: "c"))
        let value = Array(sealed.record.value)
        for place in value.indices {
            var spoilt = value
            spoilt[place] ^= 1
            // Metadata and unknown members are covered by no checksum in the message; the package's copy is.
            if let opened = try? open(spoilt, headers: sealed.record.headers) {
                #expect(opened.payload == Array("some payload".utf8))
                #expect(opened.message.metadata != sealed.message.metadata)
            }
            if place % 16 == 0 {
                let cut = Array(value[..<place])
                #expect(throws: EnvelopeFailure.self) { try open(cut, headers: sealed.record.headers) }
            }
        }
        #expect(throws: EnvelopeFailure.self) { try open(value + [65], headers: sealed.record.headers) }
    }

    @Test func jsonOfOtherWritersIsRead() throws {
        var made = HandMade(payload: [0xff, 0xff, 0xfe, 0xfb, 0xef, 0xbe, 0, 1])
        made.fields = ["extra": .object(["payload": .string("}\"{"), "list": .array([.array([]), .null])])]
        let text = String(decoding: made.json, as: UTF8.self)
        let escaped = text.replacing("/", with: "\\/")
        #expect(escaped != text)
        let spaced = text.replacing("\",\"", with: "\" ,\n\t\"").replacing("\":\"", with: "\" : \"") + " \r\n"
        let unicode = text.replacing("\"payload\":\"RkVE", with: "\"p\\u0061yload\":\"RkVE")
        #expect(unicode != text)
        for variant in [text, escaped, spaced, unicode] {
            #expect(try open(Array(variant.utf8)).payload == made.payload)
        }
        let whole = text.replacing("\"round_number\":1,", with: "\"round_number\":1.0,")
        #expect(whole != text)
        #expect(try open(Array(whole.utf8)).message.roundNumber == 1)
    }

    @Test(
        arguments: [
            (#"{"payload":"AAAA","payload":"AAAA"}"#, "payload", 18),
            (#"{"payload":"AAAA","p\u0061yload":"AAAA"}"#, "payload", 18),
            (#"{"payload":"AA\u0041A"}"#, "payload", nil), ("", "message", 0), ("[]", "message", 0),
            ("{}x", "message", 2),
            (#"{"a" 1}"#, "message", 5), (#"{"a":}"#, "message", 5), (#"{"a":1,}"#, "message", 7),
            (#"{"a":"x"#, "message", 6), (#"{"a":"x\"#, "message", 6), (#"{"a":[}"#, "message", nil),
            (#"{"a":[1"#, "message", 7), (#"{"a":"\"}"#, "message", 9), (#"{"payload":"AAAA","a":nul}"#, "message", 0),
            (#"{"payload":"AAAA","a":[1}]}"#, "message", nil),
        ] as [(String, String, Int?)])
    func malformedJSONIsRefused(text: String, field: String, offset: Int?) {
        let failure = #expect(throws: EnvelopeFailure.self) { try open(Array(text.utf8)) }
        if text.contains("u0041") {
            #expect(failure?.field == "message_id" || failure?.field == "payload")
        } else {
            #expect(failure?.field == field)
            if let offset { #expect(failure?.offset == offset) }
        }
    }

    @Test func brokenBase64IsRefusedWhereItBreaks() throws {
        for escaped in [false, true] {
            let made = HandMade(payload: [UInt8](repeating: 0xff, count: 100))
            var text = String(decoding: made.json, as: UTF8.self)
            if escaped { text = text.replacing("/", with: "\\/") }
            var value = Array(text.utf8)
            // The payload's end, where every character is a slash, escaped or not.
            let slash = try #require(value.lastIndex(of: UInt8(ascii: "/")))
            value[slash] = UInt8(ascii: "!")
            if escaped { value.remove(at: slash - 1) }
            let place = escaped ? slash - 1 : slash
            let failure = #expect(throws: EnvelopeFailure.self) { try open(value) }
            #expect(failure?.field == "payload")
            #expect(failure?.offset == place, "\(failure?.description ?? "")")
        }
        let escape = String(decoding: HandMade().json, as: UTF8.self).replacing("RkVE", with: "\\u0052kVE")
        #expect(refusedField { try open(Array(escape.utf8)) } == "payload")
    }

    @Test func headersTwiceAreRefused() {
        let made = HandMade()
        let twice = made.headers() + [RecordHeader("ce_id", Array("id".utf8))]
        #expect(refusedField { try open(made.package.whole, headers: twice) } == "ce_id")
    }

    @Test func packagesAloneAreRead() throws {
        let package = HandMade().package.whole
        let reader = MessageReader(limits: limits)
        let payload = try package.withUnsafeBytes { try reader.readPackage($0) { Array($1) } }
        #expect(payload == Array("payload".utf8))
    }
}
