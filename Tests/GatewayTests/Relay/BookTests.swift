import Envelopes
import EventLog
import Testing

@testable import Gateway

private func message(
    _ id: String, _ type: MessageType = .trainingCommand, from sender: String = "gateway", partition: Int32 = 0,
    offset: Int64, text: String = "{}", key: CommandKey? = nil
) throws -> SmallMessage {
    SmallMessage(
        messageID: id, type: type, senderID: sender, timestamp: 1, text: try MessageText(of: text),
        position: Position(topic: TopicName.control, partition: partition, offset: offset), key: key)
}

extension MessageText {
    init(of text: String) throws {
        let bytes = Array(text.utf8)
        let result = bytes.withUnsafeBytes { bytes in Result { try MessageText(bytes) } }
        self = try result.get()
    }
}

@Suite struct MessageTextTests {
    @Test(arguments: [
        "{}", " {\"a\":1}", "{\"a\":\n 1}", "{\"a\": 123456789012345678901234567890.10}", "{\"ä\":\"\\u0000\"}",
    ])
    func objectsKeepTheirBytes(_ text: String) throws {
        let line = String(decoding: try MessageText(of: text).line, as: UTF8.self)
        #expect(line == text.map { $0 == "\n" ? " " : String($0) }.joined())
    }

    @Test(arguments: [
        "", " ", "[]", "1", "null", "\"{}\"", "{", "{} {}", "{\"a\":NaN}", "{\"a\":1,}", "\u{FEFF}{}", "{\0\"\0a\0",
    ])
    func whatIsNoObjectIsRefused(_ text: String) {
        #expect(throws: MessageText.Fault.self) { try MessageText(of: text) }
    }

    @Test func otherEncodingsAreRefused() {
        let bytes = Array("{}".utf16.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] })
        let result = bytes.withUnsafeBytes { bytes in Result { try MessageText(bytes) } }
        #expect(throws: MessageText.Fault.self) { try result.get() }
    }
}

@Suite struct JSONSyntaxTests {
    private func check(_ text: String) -> Bool { Array(text.utf8).withUnsafeBytes { JSONSyntax.check($0) } }

    @Test(arguments: [
        "0", "-0", "1.5e-3", "1E+2", "true", "false", "null", "\"\"", "\"\\u00e4\\n\\\"ä\"", "[]", "[1, [2], {}]",
        "{\"a\" : [1 , 2], \"b\":{\"c\":null}}",
    ])
    func isTaken(_ text: String) { #expect(check(text) && check(" \n\(text)\t\r")) }

    @Test(arguments: [
        "", "01", "+1", ".5", "1.", "1e", "-", "1 2", "[1,]", "[,1]", "[1 2]", "{\"a\":1,}", "{,}", "{a:1}", "{\"a\"}",
        "{\"a\" 1}",
        "'a'", "\"a", "\"\\x\"", "\"\\u12g4\"", "\"\u{1}\"", "tru", "nul", "NaN", "Infinity", "[1}", "{\"a\":1]", "]",
        "// x\n1",
    ])
    func isRefused(_ text: String) { #expect(!check(text)) }

    @Test func depthIsBounded() {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(check(nested(JSONSyntax.mostDepth)) && !check(nested(JSONSyntax.mostDepth + 1)))
        #expect(!check(String(repeating: "[", count: 1_000_000)))
    }
}

@Suite struct LogCursorTests {
    @Test(arguments: ["start", "0-0", "0-17", "0-9007199254740991", "0-3,2-5"])
    func textRoundTrips(_ text: String) { #expect(LogCursor(text)?.text == text) }

    @Test(arguments: ["", "0", "0-", "-1", "0-1,", "a-b", "0--1", "1-2-3", "99999999999-1", "0-01", "START"])
    func whatIsNoneIsRefused(_ text: String) { #expect(LogCursor(text) == nil) }

    @Test func itNeverGoesBack() {
        var cursor = LogCursor()
        cursor.pass(0, 5)
        cursor.pass(0, 3)
        #expect(cursor[0] == 5 && cursor[1] == -1)
    }
}

@Suite struct CommandBookTests {
    @Test func eachCommandComesOnceAndInOrder() throws {
        var book = CommandBook()
        for offset in 0..<10 { book.add(try message("m\(offset)", offset: Int64(offset))) }
        book.add(try message("m3", offset: 10))
        book.advance(to: [0: 11])
        let page = book.page(after: LogCursor())
        #expect(page.commands.map(\.message.messageID) == (0..<10).map { "m\($0)" })
        #expect(page.commands.map(\.cursor.text) == (0..<10).map { "0-\($0)" })
        // Behind the repeat.
        #expect(page.cursor.text == "0-10" && !page.isTruncated)
        #expect(book.page(after: page.cursor).commands.isEmpty)
    }

    @Test func ofOneKeyTheFirstCommandCountsForAsLongAsItIsKept() throws {
        var book = CommandBook(CommandBook.Limits(commands: 8, bytes: .max))
        let key = CommandKey(name: "k", bodyDigest: "d")
        book.add(try message("m0", offset: 0, key: key))
        book.add(try message("m1", offset: 1, key: key))
        #expect(book.command(by: "k")?.messageID == "m0" && book.count == 1)
        for offset in 2..<20 { book.add(try message("m\(offset)", offset: Int64(offset))) }
        #expect(book.command(by: "k") == nil)
        book.add(try message("m20", offset: 20, key: key))
        #expect(book.command(by: "k")?.messageID == "m20")
    }

    @Test func pagesFollowOneAnother() throws {
        var book = CommandBook()
        for offset in 0..<100 {
            book.add(try message("m\(offset)", partition: Int32(offset % 3), offset: Int64(offset)))
        }
        book.advance(to: [0: 100, 1: 98, 2: 99])
        var (cursor, seen) = (LogCursor(), [String]())
        while case let page = book.page(after: cursor, mostCommands: 7), !page.commands.isEmpty {
            seen += page.commands.map(\.message.messageID)
            cursor = page.cursor
        }
        #expect(seen == (0..<100).map { "m\($0)" })
    }

    @Test func aPageOfOneMayBeAnyLength() throws {
        var book = CommandBook()
        for offset in 0..<3 { book.add(try message("m\(offset)", offset: Int64(offset))) }
        #expect(book.page(after: LogCursor(), mostBytes: 1).commands.count == 1)
    }

    @Test func aCursorAheadWaits() throws {
        var book = CommandBook()
        book.add(try message("m", offset: 0))
        book.advance(to: [0: 1])
        let page = book.page(after: try #require(LogCursor("0-5,4-4")))
        #expect(page.commands.isEmpty && page.cursor.text == "0-5,4-4")
    }

    @Test func theOldestAreDroppedAndSaid() throws {
        var book = CommandBook(.init(commands: 80, bytes: .max))
        for offset in 0..<200 { book.add(try message("m\(offset)", offset: Int64(offset))) }
        #expect(book.count <= 80)
        let page = book.page(after: LogCursor())
        let first = try #require(page.commands.first)
        #expect(page.isTruncated && first.message.position.offset >= 120)
        #expect(page.commands.last?.message.messageID == "m199")
        #expect(!book.page(after: first.cursor).isTruncated)
    }

    @Test func bytesAreBounded() throws {
        var book = CommandBook(.init(commands: .max, bytes: 100_000))
        let text = "{\"a\":\"\(String(repeating: "x", count: 5000))\"}"
        for offset in 0..<200 {
            book.add(try message("m\(offset)", offset: Int64(offset), text: text))
            #expect(book.bytes <= 100_000)
        }
        #expect(book.count > 10)
    }
}

@Suite struct ClientBookTests {
    @Test func theLastRegistrationRules() throws {
        var book = ClientBook()
        for (offset, text) in ["{\"v\":1}", "{\"v\":2}"].enumerated() {
            book.add(try message("m\(offset)", .clientRegistration, from: "a", offset: Int64(offset), text: text))
        }
        let registration = try #require(book.clients["a"]?.registration)
        #expect(registration.text == (try MessageText(of: "{\"v\":2}")))
        #expect(book.bytes == registration.weight)
    }

    @Test func theLastReportsAreKeptOncePerMessage() throws {
        var book = ClientBook(.init(reports: 4))
        for offset in 0..<10 {
            for _ in 0..<2 { book.add(try message("m\(offset)", .healthCheck, from: "a", offset: Int64(offset))) }
        }
        let client = try #require(book.clients["a"])
        #expect(client.reports[.healthCheck]?.map(\.messageID) == ["m6", "m7", "m8", "m9"])
        #expect(client.reports[.statusUpdate] == nil && client.registration == nil)
    }

    @Test func strangersAreForgottenBeforeTheRegistered() throws {
        var book = ClientBook(.init(clients: 80))
        for number in 0..<40 {
            book.add(try message("r\(number)", .clientRegistration, from: "r\(number)", offset: Int64(number)))
        }
        for number in 0..<1000 {
            book.add(try message("s\(number)", .statusUpdate, from: "s\(number)", offset: Int64(number)))
            #expect(book.clients.count <= 80)
        }
        #expect((0..<40).allSatisfy { book.clients["r\($0)"] != nil })
        #expect(book.clients["s999"] != nil && book.clients["s0"] == nil)
    }

    @Test func bytesAreBoundedAndCounted() throws {
        var book = ClientBook(.init(bytes: 200_000))
        let text = "{\"a\":\"\(String(repeating: "x", count: 3000))\"}"
        for number in 0..<500 {
            let type: MessageType = number % 2 == 0 ? .clientRegistration : .errorReport
            book.add(try message("m\(number)", type, from: "c\(number % 100)", offset: Int64(number), text: text))
            #expect(book.bytes <= 200_000)
        }
        let real = book.clients.values.reduce(0) { sum, client in
            sum + (client.registration?.weight ?? 0) + client.reports.values.joined().reduce(0) { $0 + $1.weight }
        }
        #expect(book.bytes == real)
    }

    @Test func pagesOfTheRegistered() throws {
        var book = ClientBook()
        for number in 0..<25 {
            book.add(try message("m\(number)", .clientRegistration, from: "c\(100 + number)", offset: Int64(number)))
        }
        let first = book.registered(after: nil, most: 10)
        #expect(first.hasMore && first.page.first?.senderID == "c100" && first.page.count == 10)
        let rest = book.registered(after: first.page.last?.senderID, most: 100)
        #expect(!rest.hasMore && rest.page.count == 15 && rest.page.first?.senderID == "c110")
    }
}

@Suite struct RetryPolicyTests {
    private let policy = RetryPolicy()

    @Test func failuresAreClassified() {
        func retries(_ kind: LogFailure.Kind, _ attempt: Int = 1, _ time: Duration = .zero) -> Bool {
            policy.retries(LogFailure(kind, ""), attempt: attempt, after: time)
        }
        #expect(retries(.full) && retries(.full, 3) && !retries(.full, 4))
        // What took long was retried by the log itself.
        #expect(retries(.unreachable) && !retries(.unreachable, 1, .seconds(5)))
        for kind: LogFailure.Kind in [.outcomeUnknown, .tooLarge, .topic, .fenced, .closed, .corrupt] {
            #expect(!retries(kind))
        }
    }

    @Test func delaysDoubleUpToABoundAndAreJittered() {
        #expect(policy.delay(after: 1, luck: 1) == .milliseconds(50))
        #expect(policy.delay(after: 3, luck: 1) == .milliseconds(200))
        #expect(policy.delay(after: 3, luck: 0) == .zero)
        #expect(policy.delay(after: 3, luck: 0.5) == .milliseconds(100))
        #expect(policy.delay(after: 60, luck: 1) == .seconds(1))
    }
}

@Suite struct ServerEventTests {
    @Test func isWrittenAsTheStandardWants() {
        let event = ServerEvent(id: "0-1", name: "command", data: Array("{}".utf8))
        #expect(String(decoding: event.bytes, as: UTF8.self) == "id: 0-1\nevent: command\ndata: {}\n\n")
    }
}
