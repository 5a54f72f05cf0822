import Testing

@testable import MicroHTTP

/// Shapes that a proxy in front may read differently: each gets a 400, the connection ends, and what follows in the same
/// bytes is not served as a second request.
@Suite struct FramingTests {
    private static let smuggled = "GET /plain HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

    @Test(arguments: [
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 4\r\n\r\nabcd",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4x\r\n\r\nabcd",
        "GET /plain HTTP/1.1\r\n\r\n", "GET /plain HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        "GET /plain HTTP/1.1\r\nHost: x\r\nX: a\u{1}b\r\n\r\n",
    ])
    func ambiguityIsRefused(_ request: String) throws {
        let answer = try TestServer().answer(request + Self.smuggled)
        #expect(answer.hasPrefix("HTTP/1.1 400 "), "\(answer)")
        #expect(!answer.contains("plain"))
    }

    @Test func anAbsurdLengthIsRefused() throws {
        let request = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\nabcd"
        let answer = try TestServer().answer(request + Self.smuggled)
        // The library's own answer: 413 from 0.9.75, 400 from 1.0.
        #expect(answer.hasPrefix("HTTP/1.1 4") && !answer.contains("plain"), "\(answer)")
    }

    @Test func unknownExpectationsAreRefused() throws {
        let answer = try TestServer().answer(
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: 200-ok\r\n\r\na")
        #expect(answer.hasPrefix("HTTP/1.1 417 "))
    }

    @Test func requestsInOnePacketAreAnsweredInOrder() throws {
        let post = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na"
        let answer = try TestServer().answer(post + post + Self.smuggled)
        #expect(answer.components("HTTP/1.1 200 OK") == 3)
        #expect(answer.hasSuffix("plain"))
    }

    @Test func chunkedBodiesAreRead() throws {
        let chunks = (0..<500).map { "2\r\n\($0 % 10)x\r\n" }.joined()
        let head = "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        let answer = try TestServer().answer(head + chunks + "0\r\n\r\n")
        #expect(answer.contains("\r\n\r\n1000 "))
    }
}

extension String {
    func components(_ part: String) -> Int { ranges(of: part).count }
}
