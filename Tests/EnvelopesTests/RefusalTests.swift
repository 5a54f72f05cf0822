import EventLog
import Testing

@testable import Envelopes

@Suite struct RefusalTests {
    /// Every byte of a record is covered: a change of any of them is seen.
    @Test func aChangedByteIsRefusedWhereverItIs() throws {
        let sealed = try Sealing.seal(Sealing.payload(30), .binary, .none)
        let value = [UInt8](sealed.record.value)
        for index in value.indices {
            var changed = value
            changed[index] ^= 0x20
            #expect(throws: EnvelopeFailure.self, "byte \(index)") { try Sealing.open(changed, sealed.record.headers) }
        }
        for index in sealed.record.headers.indices where sealed.record.headers[index].name != "ce_time" {
            var headers = sealed.record.headers
            guard !["content-type", "ce_metadata"].contains(headers[index].name) else { continue }
            headers[index].value[headers[index].value.count - 1] ^= 1
            #expect(throws: EnvelopeFailure.self, "\(headers[index].name)") { try Sealing.open(value, headers) }
        }
    }

    @Test(arguments: [
        ("message_id", #""message_id": "0190-x""#, #""message_id": 5"#),
        ("message_type", "weight_update", "weight_updatf"), ("sender_id", #""sender_id": "#, #""sender_ie": "#),
        ("timestamp", "1700000000.25", "\"x\""), ("round_number", #""round_number": 7"#, #""round_number": -7"#),
        ("checksum", #""round_number": 7"#, #""round_number": 8"#), ("payload", #""payload""#, #""payloae""#),
        ("payload", "RkVEUEsw", "RkVEU*sw"), ("payload", "RkVEUEsw", "RkVEUEs"), ("magic", "RkVEUEsw", "RkVEUUsw"),
        ("message", "}", ""), ("payload", #""sender_id": "#, #""payload": "", "sender_id": "#),
    ])
    func aJSONMessageThatIsWrongNamesItsField(_ field: String, _ text: String, _ replacement: String) throws {
        let sealed = try Sealing.seal(Sealing.payload(30), .json, .none)
        let value = String(decoding: sealed.record.value, as: UTF8.self)
        let changed = value.replacing(text, with: replacement)
        #expect(changed != value)
        let failure = #expect(throws: EnvelopeFailure.self) { try Sealing.open(Array(changed.utf8), []) }
        #expect(failure?.field == field)
    }

    @Test func anEscapedSlashInThePayloadIsRead() throws {
        let payload = [UInt8](repeating: 0xff, count: 33)
        let sealed = try Sealing.seal(payload, .json, .none)
        let value = String(decoding: sealed.record.value, as: UTF8.self).replacing("/", with: "\\/")
        #expect(try Sealing.open(Array(value.utf8), []).2 == payload)
    }

    @Test func aBombIsRefusedBeforeItIsUnpacked() throws {
        let sealed = try Sealing.seal([UInt8](repeating: 0, count: 1 << 20), .binary, .zstd)
        let failure = #expect(throws: EnvelopeFailure.self) {
            try Sealing.open(sealed.record, limits: .init(maxStored: 1 << 20, maxDecoded: 1000))
        }
        #expect(failure?.field == "original_size")
    }

    @Test func aRecordOverTheLimitIsRefused() throws {
        let sealed = try Sealing.seal(Sealing.payload(5000), .binary, .none)
        #expect(throws: EnvelopeFailure.self) {
            try Sealing.open(sealed.record, limits: .init(maxStored: 1000, maxDecoded: 1 << 20))
        }
    }

    @Test(arguments: ["x==", "AA=A", "A===", "AB==", "AAB=", "A A=", "\u{e9}AAA"])
    func whatIsNotBase64IsRefused(_ text: String) {
        Array(text.utf8).withUnsafeBytes { bytes in
            guard let count = Base64.decodedCount(bytes) else { return }
            var output = [UInt8](repeating: 0, count: count + 4)
            #expect(output.withUnsafeMutableBytes { Base64.decode(bytes, to: $0) } != nil)
        }
    }
}
