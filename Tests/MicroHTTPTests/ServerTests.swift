import Glibc
import Testing
import Threads

@testable import MicroHTTP

@Suite struct ServerTests {
    private func head(_ path: String, _ fields: String) -> String {
        "PUT \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\(fields)\r\n\r\n"
    }

    private func checksum(_ count: Int) -> Int { (0..<count).reduce(0) { sum, _ in (sum &* 31 &+ 97) & 0xffff_ffff } }

    @Test(arguments: ["/echo", "/later", "/full"])
    func bodiesArriveWholeWhoeverWaits(_ path: String) throws {
        let server = try TestServer()
        let body = String(repeating: "a", count: 300_000)
        let answer = server.answer(head(path, "Content-Length: \(body.utf8.count)") + body)
        #expect(answer.hasSuffix("300000 \(checksum(300_000))"), "\(answer)")
        #expect(server.router.outcomes.wait { $0.first } == .answered(status: 200))
        #expect(server.router.ended.look { $0 } == 1)
    }

    @Test func aTooLargeBodyIsRefusedBeforeItIsSent() throws {
        let client = try TestServer().client
        client.send(head("/limit", "Content-Length: 10000000000\r\nExpect: 100-continue"))
        let answer = client.readToEnd()
        #expect(answer.hasPrefix("HTTP/1.1 413 ") && !answer.contains("100 Continue"))
    }

    @Test(arguments: ["Content-Length: 10000000000", "Transfer-Encoding: chunked"])
    func aWrongBodyIsRefusedInItsMiddle(_ framing: String) throws {
        let server = try TestServer()
        let client = server.client
        client.send(head("/picky", framing) + "10\r\nabcdefghijklmnop\r\n")
        // It goes on sending for a while, as real clients do.
        for _ in 0..<20 { client.send(String(repeating: "b", count: 10_000)) }
        let answer = client.readToEnd()
        #expect(answer.hasPrefix("HTTP/1.1 422 ") && answer.hasSuffix("wrong"), "\(answer)")
    }

    @Test func aShortWrongBodyLeavesTheConnectionUsable() throws {
        let client = try TestServer().client
        client.send("PUT /picky HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde")
        #expect(client.read(until: "wrong").hasPrefix("HTTP/1.1 422 "))
        client.send("GET /plain HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(client.read(until: "plain").hasPrefix("HTTP/1.1 200 "))
    }

    @Test func answersWithoutABodyKeepTheConnection() throws {
        let client = try TestServer().client
        for _ in 0..<3 {
            client.send("GET /same HTTP/1.1\r\nHost: x\r\n\r\n")
            let answer = client.read(until: "\r\n\r\n")
            #expect(
                answer.hasPrefix("HTTP/1.1 304 ") && !answer.lowercased().contains("connection: close"), "\(answer)")
        }
        client.send("HEAD /plain HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        let answer = client.readToEnd()
        #expect(answer.contains("Content-Length: 5") && answer.hasSuffix("\r\n\r\n"))
    }

    @Test func aClientThatGoesAwayIsNoticedOnce() throws {
        // libmicrohttpd 0.9.75 does not see the end of a connection under epoll: the watchdog does.
        let server = try TestServer { $0.rateGrace = .milliseconds(200) }
        server.client.send(head("/echo", "Content-Length: 1000") + "abc")
        #expect(server.router.outcomes.wait { $0.first } == .aborted)
        #expect(server.router.ended.look { $0 } == 1)
    }

    @Test(arguments: [
        "PUT /echo HTTP/1.1\r\nHost: x\r\nX: ", "PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n",
    ])
    func dripsAreEnded(_ start: String) throws {
        let server = try TestServer { configuration in
            configuration.headerTimeout = .milliseconds(200)
            configuration.rateGrace = .milliseconds(200)
        }
        let client = server.client
        client.send(start)
        // Each byte is activity: only the watchdog ends this.
        while !client.hasAnswer, client.send("a") { usleep(20_000) }
        #expect(client.readToEnd().hasPrefix("HTTP/1.1 408 "))
        #expect(server.router.outcomes.wait { $0.first } != nil)
    }

    @Test func stopsInOrderWithARequestThatWaits() throws {
        let server = try TestServer()
        let client = server.client
        client.send(head("/never", "Content-Length: 1") + "a")
        while server.server.activeExchanges == 0 { usleep(1000) }
        server.server.stop(within: .milliseconds(50))
        #expect(client.readToEnd().hasPrefix("HTTP/1.1 503 "))
        #expect(server.router.outcomes.look { $0 } == [.answered(status: 503)])
    }

    @Test func manyClientsAtOnce() async throws {
        let server = try TestServer()
        let port = server.server.port
        await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let client = RawClient(port: port)
                    var right = 0
                    for turn in 0..<200 {
                        let path = ["/echo", "/later", "/full"][turn % 3]
                        client.send("PUT \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\naa")
                        if client.read(until: "2 \(97 * 31 + 97)").hasPrefix("HTTP/1.1 200") { right += 1 }
                    }
                    return right
                }
            }
            for await right in group { #expect(right == 200) }
        }
    }

    @Test func aPortThatIsTakenIsSaid() throws {
        let server = try TestServer()
        #expect(throws: ServerFailure.self) {
            try Server(ServerConfiguration(port: server.server.port), router: server.router)
        }
    }
}
