import MicroHTTP
import Testing
import Threads

/// Answers given while the body is still coming.
@Suite struct RejectionTests {
    static let megabyte = [UInt8](repeating: 7, count: 1 << 20)

    static func head(_ count: Int) -> String { "PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: \(count)\r\n\r\n" }

    static func rejecting(at limit: Int) -> TestHandler {
        TestHandler(body: { count, _ in count >= limit ? .reject(.text("bad weights", status: 422)) : .consumed })
    }

    /// Sends until the server takes no more, as a client does that only then reads.
    static func sendAll(_ client: RawClient, _ count: Int) -> Bool {
        for _ in 0..<count { guard client.send(megabyte) else { return false } }
        return true
    }

    @Test func theReasonReachesAClientInTheMiddleOfALargeBody() throws {
        let handler = Self.rejecting(at: 8)
        let router = TestRouter { _, _ in .handle(handler) }
        try withServer(router) { server in
            let client = try RawClient(server.port)
            client.send(Self.head(10 << 30) + "12345678")
            let reply = try client.someReply()
            #expect(reply.status == 422 && reply.text == "bad weights")
            #expect(reply.headers["connection"] == "close" && reply.headers["date"]?.hasSuffix("GMT") == true)
            #expect(try client.isClosed())
        }
        #expect(try router.outcomes() == [.answered(status: 422)])
        #expect(try handler.outcome() == .answered(status: 422))
    }

    @Test func theReasonReachesAClientThatSendsOn() throws {
        let handler = Self.rejecting(at: 8)
        try withServer(TestRouter { _, _ in .handle(handler) }, { $0.linger = .milliseconds(300) }) { server in
            let client = try RawClient(server.port)
            client.send(Self.head(10 << 30))
            #expect(!Self.sendAll(client, 1000))
            #expect(try client.reply()?.status == 422)
        }
        #expect(try handler.outcome() == .answered(status: 422))
        #expect(handler.seen.change { $0.pieces } == 1)
    }

    @Test func aSmallRestIsReadAndTheConnectionGoesOn() throws {
        let handler = Self.rejecting(at: 8)
        let router = TestRouter { request, _ in request.method == "GET" ? .reply(.text("on")) : .handle(handler) }
        try withServer(router) { server in
            let client = try RawClient(server.port)
            client.send(Self.head(100_000))
            client.send([UInt8](repeating: 1, count: 100_000))
            #expect(try client.someReply().status == 422)
            client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(try client.someReply().text == "on")
        }
        #expect(handler.seen.change { !$0.hasEnded })
    }

    @Test func chunksThatEndAfterTheRejectionCloseInOrder() throws {
        let handler = Self.rejecting(at: 1)
        try withServer(TestRouter { _, _ in .handle(handler) }) { server in
            let client = try RawClient(server.port)
            client.send("PUT /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            #expect(try client.someReply().status == 422)
            client.send("5\r\nhello\r\n0\r\n\r\n" + FramingTests.smuggled)
            #expect(try client.isClosed())
        }
        #expect(try handler.outcome() == .answered(status: 422))
    }

    @Test func anAnswerAtTheHeadersReachesAClientThatSendsAnyway() throws {
        let router = TestRouter { _, _ in .reply(.text("too large", status: 413)) }
        try withServer(router, { $0.linger = .milliseconds(300) }) { server in
            let client = try RawClient(server.port)
            client.send(Self.head(10 << 30))
            #expect(try client.someReply().status == 413)
            let other = try RawClient(server.port)
            other.send(Self.head(10 << 30))
            #expect(!Self.sendAll(other, 1000))
            #expect(try other.reply()?.status == 413)
            let third = try RawClient(server.port)
            third.send(Self.head(5) + "hello" + "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(try third.someReply().status == 413)
            #expect(try third.someReply().status == 413)
        }
        #expect(try router.outcomes(4).allSatisfy { $0 == .answered(status: 413) })
    }

    @Test(arguments: [true, false]) func aReplyFromElsewhereEndsTheBody(isWaiting: Bool) throws {
        let handler = TestHandler(body: { _, _ in isWaiting ? .wait : .consumed })
        try withServer(TestRouter { _, _ in .handle(handler) }) { server in
            let client = try RawClient(server.port)
            client.send(Self.head(10 << 30) + "some")
            let exchange = try #require(handler.seen.wait(within: .seconds(60)) { $0.exchange })
            exchange.reply(.text("no room", status: 503))
            client.send("more")
            #expect(try client.someReply().text == "no room")
            #expect(try client.isClosed())
        }
        #expect(try handler.outcome() == .answered(status: 503))
    }

    @Test func headGetsNoBodyEvenThen() throws {
        let handler = Self.rejecting(at: 1)
        try withServer(TestRouter { _, _ in .handle(handler) }) { server in
            let client = try RawClient(server.port)
            client.send("HEAD /x HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\nx")
            let reply = try client.someReply(toHead: true)
            #expect(reply.status == 422 && reply.headers["content-length"] == "11")
            #expect(try client.isClosed())
        }
    }
}
