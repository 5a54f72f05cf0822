import MicroHTTP
import Synchronization
import Testing

/// A connection remembers its last head; what only looks like it gets nothing from that.
@Suite struct RepeatedHeadTests {
    private final class Mark: Sendable {}

    private static let head = "GET /first HTTP/1.1\r\nHost: x\r\nA: b\r\nC: d\r\n\r\n"

    /// Answers whether the head was known, and what it says.
    private static func router() -> TestRouter {
        TestRouter { request, _ in
            let isKnown = request.memo is Mark
            request.memo = Mark()
            return .reply(
                .text("\(isKnown) \(request.target) \(request.header("a") ?? "") \(request.header("c") ?? "")"))
        }
    }

    @Test func isKnownAgain() throws {
        try withServer(Self.router()) { server in
            let client = try RawClient(server.port)
            client.send(Self.head + Self.head)
            #expect(try client.someReply().text == "false /first b d")
            #expect(try client.someReply().text == "true /first b d")
            let other = try RawClient(server.port)
            other.send(Self.head)
            #expect(try other.someReply().text == "false /first b d")
        }
    }

    static let others = [
        ("GET /other HTTP/1.1\r\nHost: x\r\nA: b\r\nC: d\r\n\r\n", "false /other b d"),
        ("GET /first HTTP/1.1\r\nHost: x\r\nA: B\r\nC: d\r\n\r\n", "false /first B d"),
        ("GET /first HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n", "false /first b "),
        ("GET /first HTTP/1.1\r\nHost: x\r\nA: b\r\nC: d\r\nC: e\r\n\r\n", "false /first b d, e"),
        ("GET /first HTTP/1.1\r\nHost: x\r\nC: d\r\nA: b\r\n\r\n", "false /first b d"),
        ("GET /first HTTP/1.1\r\nHost: x\r\nA: \r\nC: d\r\n\r\n", "false /first  d"),
    ]

    @Test(arguments: others) func anotherIsAnother(_ request: String, _ text: String) throws {
        try withServer(Self.router()) { server in
            let client = try RawClient(server.port)
            client.send(Self.head + request + Self.head)
            #expect(try client.someReply().text == "false /first b d")
            #expect(try client.someReply().text == text)
            #expect(try client.someReply().text == "false /first b d")
        }
    }

    /// Whose bytes are those of the good head once the library has ended the lines.
    static let tricks = [
        "GET /first HTTP/1.1\r\nHost: x\r\nA: b\0\0C: d\r\n\r\n",
        "GET /first HTTP/1.1\r\nHost: x\nA: b\r\nC: d\r\n\r\n",
        "GET /first HTTP/1.1\r\nHost: x\r\nA: b\r\nC: d\n\r\n",
        "GET /first HTTP/1.1\r\nHost: x\r\nA: b\r\nC: d\r\n\n",
        "GET /first HTTP/1.1\r\nHost: x\r\nA: b\r\n C: d\r\n\r\n",
        "GET /first HTTP/1.1\r\nHost: x\r\nA: b\0\r\nC: d\r\n\r\n",
        "GET /first HTTP/1.1\nHost: x\r\nA: b\r\nC: d\r\n\r\n",
    ]

    @Test(arguments: tricks) func aTrickIsRefusedAfterAGoodOne(_ trick: String) throws {
        let router = Self.router()
        try withServer(router) { server in
            let client = try RawClient(server.port)
            client.send(Self.head)
            #expect(try client.someReply().text == "false /first b d")
            client.send(trick + FramingTests.smuggled)
            #expect(try client.someReply().status == 400)
            #expect(try !String(decoding: client.rest(), as: UTF8.self).contains("HTTP/1.1 200"))
        }
        #expect(!router.targets.contains { $0.contains("smuggled") })
    }
}
