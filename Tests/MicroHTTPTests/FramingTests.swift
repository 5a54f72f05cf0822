import MicroHTTP
import Testing
import Threads

/// Requests that two readers could cut differently, on a raw socket.
@Suite struct FramingTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let bytes: String
        let status: Int
        /// Whether closing without a word will do: libmicrohttpd 1.0 does that to some request lines.
        let mayBeSilent: Bool
        var testDescription: String { name }

        init(_ name: String, _ bytes: String, _ status: Int = 400, mayBeSilent: Bool = false) {
            self.mayBeSilent = mayBeSilent
            self.name = name
            self.bytes = bytes
            self.status = status
        }
    }

    /// Follows each case; it must never be served.
    static let smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"

    static let cases = [
        Case("both lengths", post("Transfer-Encoding: chunked", "Content-Length: 5") + "0\r\n\r\n"),
        Case("both lengths, other order", post("Content-Length: 5", "Transfer-Encoding: chunked") + "0\r\n\r\n"),
        Case("coding other than chunked", post("Transfer-Encoding: gzip, chunked") + "0\r\n\r\n"),
        Case("identity coding", post("Transfer-Encoding: identity")),
        Case("chunked twice in a line", post("Transfer-Encoding: chunked, chunked") + "0\r\n\r\n"),
        Case("chunked in two lines", post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked") + "0\r\n\r\n"),
        Case("coding with a tab", post("Transfer-Encoding: chunked\u{B}") + "0\r\n\r\n"),
        Case("coding under 1.0", "POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        Case("length twice", post("Content-Length: 5", "Content-Length: 0") + "hello"),
        Case("length twice, equal", post("Content-Length: 5", "Content-Length: 5") + "hello"),
        Case("list of lengths", post("Content-Length: 5, 5") + "hello"),
        Case("negative length", post("Content-Length: -1")),
        Case("length with a plus", post("Content-Length: +5") + "hello"),
        Case("length in hex", post("Content-Length: 0x5") + "hello"),
        Case("empty length", post("Content-Length: ")),
        Case("length beyond 64 bits", post("Content-Length: 99999999999999999999"), 413),
        Case("length with blank before colon", post("Content-Length : 5") + "hello"),
        Case("coding with blank before colon", post("Transfer-Encoding : chunked") + "0\r\n\r\n"),
        Case("no host", "GET / HTTP/1.1\r\nX: y\r\n\r\n"),
        Case("two hosts", "GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n"),
        Case("NUL in a value", post("X: a\0b")),
        Case("NUL at the end of a value", post("X: a\0", "Y: b")),
        Case("NUL at the end of the last value", post("X: a\0")),
        Case("NUL that hides a length", post("Content-Length: 5\0 0") + "hello"),
        Case("NUL in a name", post("X\0Y: a")),
        Case("NUL in the target", "GET /a\0b HTTP/1.1\r\nHost: x\r\n\r\n", mayBeSilent: true),
        Case("control character in a value", post("X: a\u{1}b")),
        Case("bare CR in a value", post("X: a\rb")),
        Case("DEL in a value", post("X: a\u{7F}")),
        Case("folded line", post("X: a\r\n b")),
        Case("folded coding", post("Transfer-Encoding:\r\n chunked") + "0\r\n\r\n"),
        Case("bare LF after a header", "GET / HTTP/1.1\r\nHost: x\nX: y\r\n\r\n"),
        Case("bare LF after the request line", "GET / HTTP/1.1\nHost: x\r\n\r\n"),
        Case("bare LF before the end", "GET / HTTP/1.1\r\nHost: x\r\n\n"),
        Case("header without a colon", post("nonsense")),
        Case("header name with a blank", post("X Y: a")),
        Case("empty header name", post(": a")),
        Case("method that is no token", "GE(T / HTTP/1.1\r\nHost: x\r\n\r\n"),
        Case("target that is no path", "GET index.html HTTP/1.1\r\nHost: x\r\n\r\n"),
        Case("target not UTF-8", "GET /%FF HTTP/1.1\r\nHost: x\r\n\r\n"),
        Case("target with half a code", "GET /?a=%4 HTTP/1.1\r\nHost: x\r\n\r\n"),
        Case("target with raw bytes", "GET /ä HTTP/1.1\r\nHost: x\r\n\r\n"),
        Case("unknown expectation", post("Expect: 200-ok"), 417),
        Case("version 2.0", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        Case("chunk size that is no number", post("Transfer-Encoding: chunked") + "zz\r\n"),
        Case("chunk size with 0x", post("Transfer-Encoding: chunked") + "0x5\r\nhello\r\n0\r\n\r\n"),
        Case("chunk size negative", post("Transfer-Encoding: chunked") + "-5\r\nhello\r\n0\r\n\r\n"),
        Case("chunk longer than its size", post("Transfer-Encoding: chunked") + "3\r\nhello\r\n0\r\n\r\n"),
        Case("chunk size beyond 64 bits", post("Transfer-Encoding: chunked") + "fffffffffffffffff\r\n", 413),
    ]

    static func post(_ headers: String...) -> String {
        "POST /first HTTP/1.1\r\nHost: x\r\n" + headers.map { $0 + "\r\n" }.joined() + "\r\n"
    }

    @Test(arguments: cases) func isRefusedAndClosed(_ trick: Case) throws {
        let router = TestRouter { _, _ in .handle(TestHandler()) }
        try withServer(router) { server in
            let client = try RawClient(server.port)
            client.send(trick.bytes + Self.smuggled)
            let status = try client.reply()?.status
            #expect(status == trick.status || status == nil && trick.mayBeSilent)
            #expect(try !String(decoding: client.rest(), as: UTF8.self).contains("HTTP/1.1 200"))
        }
        #expect(!router.targets.contains { $0.contains("smuggled") })
    }

    static let fine = [
        "GET /first HTTP/1.1\r\nHost: x\r\n\r\n",
        "\r\nGET /first HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /first HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "GET /first HTTP/1.1\r\nhOST:x\r\nX-Empty:\r\nY:   a b\t c\r\nCookie: a=b; c=d\r\n\r\n",
        "GET http://host/first HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /first HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        "POST /first HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
        "POST /first HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\nT: x\r\n\r\n",
        "POST /first?a=b&c=%20d&e HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 0\r\n\r\n",
    ]

    @Test(arguments: fine) func isServedAndGoesOn(_ request: String) throws {
        let router = TestRouter { request, _ in
            request.path == "/first" ? .handle(TestHandler()) : .reply(.text("second"))
        }
        try withServer(router) { server in
            let client = try RawClient(server.port)
            client.send(request + "GET /second HTTP/1.1\r\nHost: x\r\n\r\n")
            var first = try client.someReply()
            if first.status == 100 { first = try client.someReply() }
            #expect(first.status == 200)
            #expect(try client.someReply().text == "second")
        }
    }

    /// libmicrohttpd 1.0.1 takes the line feed after an extension for the chunk's first byte, and then refuses the chunk.
    @Test func chunkExtensionsAreSkippedOrRefused() throws {
        let handler = TestHandler()
        try withServer(TestRouter { _, _ in .handle(handler) }) { server in
            let client = try RawClient(server.port)
            client.send(Self.post("Transfer-Encoding: chunked") + "5;x=y\r\nhello\r\n0\r\n\r\n")
            let reply = try client.someReply()
            #expect(reply.status == 200 && reply.text == "5" || reply.status == 400)
            #expect(handler.seen.change { $0.hasEnded } == (reply.status == 200))
        }
    }

    @Test func tooMuchHeadIsRefused() throws {
        let router = TestRouter.echo()
        try withServer(router) { server in
            let client = try RawClient(server.port)
            client.send("GET /first HTTP/1.1\r\nHost: x\r\nX: " + String(repeating: "x", count: 200_000) + "\r\n\r\n")
            #expect(try client.reply()?.status == 431)
            let other = try RawClient(server.port)
            other.send("GET /" + String(repeating: "x", count: 200_000) + " HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(try other.reply()?.status == 414)
        }
        #expect(router.targets.isEmpty)
    }
}
