import Synchronization
import Testing

@testable import MicroHTTP

@Suite struct RequestTests {
    @Test func sayWhatWasSent() throws {
        let saw = Mutex<[String]>([])
        let router = TestRouter { request, exchange in
            let query = request.query.map { "\($0.name)=\($0.value)" }.joined(separator: ";")
            let lines = [
                request.method, request.target, request.path, query, request.header("x-two") ?? "nil",
                request.header("ACCEPT") ?? "nil", request.header("Missing") ?? "nil", request.remoteAddress,
                request.version, "\(request.hasBody)", exchange.target,
            ]
            saw.withLock { $0 = lines }
            return .reply(Response(status: 204))
        }
        try withServer(router) { server in
            let client = try RawClient(server.port)
            client.send(
                "GET /a%20b?x=1+2&y=%26%3D&z&=e& HTTP/1.1\r\nHost: x\r\nX-Two: 1\r\nAccept: */*\r\nx-TWO: 2\r\n\r\n")
            #expect(try client.someReply().status == 204)
        }
        let target = "/a%20b?x=1+2&y=%26%3D&z&=e&"
        #expect(
            saw.withLock { $0 } == [
                "GET", target, "/a%20b", "x=1+2;y=&=;z=;=e", "1, 2", "*/*", "nil", "127.0.0.1", "HTTP/1.1", "false",
                target,
            ])
    }

    @Test func listensOnIPv6Too() throws {
        try withServer(.echo(), { $0.host = "::" }) { server in
            #expect(server.address == "[::]:\(server.port)")
            let client = try RawClient(server.port)
            client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(try client.someReply().status == 200)
        }
    }

    @Test(arguments: [
        ("/a/b?c=d?e", "/a/b", "c=d?e"), ("/", "/", ""), ("/?", "/", ""), ("*", "*", ""),
        ("HTTP://h:1/p?q", "/p", "q"), ("https://h?q/r", "/", "q/r"), ("http://h", "/", ""),
    ]) func targetsAreTakenApart(_ text: String, _ path: String, _ query: String) {
        let target = Target(text)
        #expect(target.fault == nil && target.rawPath == path && target.rawQuery == query)
    }

    @Test(arguments: ["", "a", "**", "ftp://h/", "/\u{7F}", "/%", "/%zz", "/%C3", "/é", "http:/x"])
    func targetsThatAreNone(_ text: String) { #expect(Target(text).fault != nil) }

    @Test func percentCodingGoesBothWays() {
        #expect(PercentCoding.decode("a%20b+c%C3%A9") == "a b+cé")
        #expect(PercentCoding.decode("plain") == "plain")
        for broken: Substring in ["%", "%4", "%g0", "%C3", "a%FFb", "%C0%80"] {
            #expect(PercentCoding.decode(broken) == nil)
        }
        let odd = "a b/é?&=+%\u{1}~-._"
        #expect(PercentCoding.encode(odd) == "a%20b%2F%C3%A9%3F%26%3D%2B%25%01~-._")
        #expect(PercentCoding.decode(PercentCoding.encode(odd)[...]) == odd)
    }

    @Test func theRateIsMeasuredWithoutTheWaiting() {
        let start = Moment.now
        func isTooSlow(_ seconds: Int, _ received: UInt64, _ waited: Int, _ window: inout RateWindow) -> Bool {
            window.isTooSlow(
                at: Moment(nanoseconds: start.nanoseconds + Int64(seconds) * 1_000_000_000), received: received,
                suspendedFor: .seconds(waited), length: .seconds(10), minimum: 100)
        }
        var window = RateWindow(start: start)
        #expect(!isTooSlow(9, 0, 0, &window))
        #expect(!isTooSlow(60, 900, 51, &window))
        #expect(!isTooSlow(65, 5000, 55, &window))
        #expect(!isTooSlow(74, 5000, 55, &window))
        #expect(isTooSlow(76, 5999, 55, &window))
        var second = RateWindow(start: start)
        #expect(!isTooSlow(10, 1_000_000, 0, &second))
        #expect(isTooSlow(21, 1_000_001, 0, &second))
    }
}
