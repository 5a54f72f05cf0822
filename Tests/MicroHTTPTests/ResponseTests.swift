import Bytes
import Glibc
import Testing

@testable import MicroHTTP

@Suite struct ResponseTests {
    static let text = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 2) }

    /// An unlinked file with `text` in it.
    static func file() throws -> Int32 {
        var path = Array("/tmp/microhttp-XXXXXX".utf8CString)
        let descriptor = mkstemp(&path)
        unlink(path)
        #expect(write(descriptor, text, text.count) == text.count)
        return descriptor
    }

    static func fetch(_ response: Response, _ method: String = "GET", _ version: String = "HTTP/1.1") throws
        -> RawClient.Reply
    {
        let router = TestRouter { _, _ in .reply(response) }
        return try withServer(router) { server in
            let client = try RawClient(server.port)
            client.send("\(method) / \(version)\r\nHost: x\r\n\r\n")
            let reply = try client.someReply(toHead: method == "HEAD")
            if version == "HTTP/1.1", !response.close {
                client.send("\(method) / \(version)\r\nHost: x\r\n\r\n")
                #expect(try client.someReply(toHead: method == "HEAD").status == reply.status)
            } else {
                #expect(try client.isClosed())
            }
            return reply
        }
    }

    @Test(arguments: ["GET", "HEAD"]) func bytes(_ method: String) throws {
        let reply = try Self.fetch(.text("hello"), method)
        #expect(reply.headers["content-length"] == "5" && reply.headers["content-type"] == "text/plain")
        #expect(reply.text == (method == "GET" ? "hello" : ""))
    }

    @Test(arguments: [204, 304]) func noBodyWhereNoneIsAllowed(status: Int) throws {
        let reply = try Self.fetch(.text("hello", status: status))
        #expect(reply.status == status && reply.body.isEmpty)
        #expect(reply.headers["content-length"] == (status == 304 ? "5" : nil))
    }

    /// The next answer has to begin where the empty line of this one ended.
    @Test func nothingFollowsA304() throws {
        let reply = try Self.fetch(Response(status: 304, headers: [("ETag", "\"a\"")]))
        #expect(reply.headers["transfer-encoding"] == nil && reply.headers["etag"] == "\"a\"")
    }

    @Test func empty() throws {
        let reply = try Self.fetch(Response(status: 200))
        #expect(reply.headers["content-length"] == "0")
    }

    @Test(arguments: ["GET", "HEAD"]) func aPartOfAFile(_ method: String) throws {
        let slice = try #require(FileSlice(owning: Self.file(), offset: 1000, count: 150_000))
        let reply = try Self.fetch(Response(status: 206, body: .file(slice)), method)
        #expect(reply.headers["content-length"] == "150000")
        if method == "GET" { #expect(reply.body == Array(Self.text[1000..<151_000])) }
    }

    @Test func aPartOfAFileHasToBeInside() throws {
        #expect(FileSlice(owning: try Self.file(), offset: 0, count: 200_001) == nil)
        #expect(FileSlice(owning: try Self.file(), offset: 200_001) == nil)
        #expect(FileSlice(owning: try Self.file(), offset: -1) == nil)
        #expect(FileSlice(path: "/nonexistent") == nil)
        #expect(FileSlice(path: "/tmp") == nil)
        let whole = try #require(FileSlice(owning: Self.file()))
        #expect(whole.count == 200_000)
        #expect(whole.slice(10..<20)?.read(upTo: 10) == Array(Self.text[10..<20]))
        #expect(whole.slice(0..<200_001) == nil)
    }

    @Test func aSlabIsSentAndGivenBack() throws {
        let pool = SlabPool(limit: 4 << 20)
        do {
            let slab = try #require(pool.acquire(Self.text.count))
            slab.bytes.copyBytes(from: Self.text)
            let reply = try Self.fetch(Response(status: 200, body: .slab(slab, 5..<Self.text.count)))
            #expect(reply.body == Array(Self.text[5...]))
        }
        #expect(pool.lent == 0)
    }

    @Test func closesWhenAskedTo() throws {
        var response = Response.text("bye")
        response.close = true
        #expect(try Self.fetch(response).headers["connection"] == "close")
    }

    @Test func oldClientsAreAnsweredAndTheConnectionCloses() throws {
        #expect(try Self.fetch(.text("hello"), "GET", "HTTP/1.0").text == "hello")
    }

    @Test func linesThatWouldBreakTheAnswerAreLeftOut() throws {
        let reply = try Self.fetch(
            Response(
                status: 200,
                headers: [
                    ("X-Good", "a b"), ("X-Split", "a\r\nX-Evil: b"), ("X Evil", "c"), ("Content-Length", "1"),
                    ("Transfer-Encoding", "chunked"), ("Date", "never"), ("X-Last", "é"),
                ], body: .bytes(Array("hello".utf8))))
        #expect(reply.headers["x-good"] == "a b" && reply.headers["x-last"] == "é" && reply.text == "hello")
        #expect(reply.headers["x-evil"] == nil && reply.headers["x-split"] == nil && reply.headers["date"] != "never")
    }
}
