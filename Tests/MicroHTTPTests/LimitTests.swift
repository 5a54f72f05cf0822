import MicroHTTP
import Testing
import Threads

/// Clients that are too slow, and servers that stop.
///
/// Limits are short, and only what happens is tested, never when.
@Suite struct LimitTests {
    @Test(arguments: ["", "GET / HT", "GET / HTTP/1.1\r\nHost: x\r\nX: "])
    func slowHeadersAreCutOff(beginning: String) throws {
        let router = TestRouter.echo()
        try withServer(router, { $0.headerTimeout = .milliseconds(200) }) { server in
            let client = try RawClient(server.port)
            client.send(beginning)
            let said = try String(decoding: client.rest(), as: UTF8.self)
            #expect(said.isEmpty || said.hasPrefix("HTTP/1.1 408 "))
        }
        #expect(router.targets.isEmpty)
    }

    @Test func headersThatDripAreCutOff() throws {
        try withServer(.echo(), { $0.headerTimeout = .milliseconds(200) }) { server in
            let client = try RawClient(server.port)
            client.send("GET / HTTP/1.1\r\nHost: x\r\nX: ")
            let pause = Monitor(())
            var turns = 0
            while turns < 1000, client.send("x") {
                turns += 1
                _ = pause.wait(within: .milliseconds(20)) { _ in nil as Bool? }
            }
            #expect(turns < 1000)
        }
    }

    @Test func aBodyThatDripsIsAnswered() throws {
        let handler = TestHandler()
        let router = TestRouter { _, _ in .handle(handler) }
        try withServer(router, { $0.rateGrace = .milliseconds(200) }) { server in
            let client = try RawClient(server.port)
            client.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nx")
            #expect(try client.someReply().status == 408)
            #expect(try client.isClosed())
        }
        #expect(try handler.outcome() == .timedOut)
        #expect(try router.outcomes() == [.timedOut])
    }

    @Test func timeThatAHandlerAskedForIsNotTheClients() throws {
        let handler = TestHandler(body: { count, _ in count > 1 ? .wait : .consumed })
        let router = TestRouter { _, _ in .handle(handler) }
        try withServer(router, { $0.rateGrace = .milliseconds(100) }) { server in
            let client = try RawClient(server.port)
            client.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
            client.send([UInt8](repeating: 1, count: 1000))
            let exchange = try #require(handler.seen.wait(within: .seconds(60)) { $0.exchange })
            _ = Monitor(()).wait(within: .seconds(1)) { _ in nil as Bool? }
            #expect(exchange.status == nil)
            exchange.reply(.text("done"))
            client.send([UInt8](repeating: 1, count: 99_000))
            #expect(try client.someReply().text == "done")
        }
    }

    @Test func withoutAnAnswerInTimeTheClientIsToldSo() throws {
        let handler = TestHandler(end: { _, _ in .later })
        let router = TestRouter { _, _ in .handle(handler) }
        try withServer(router, { $0.requestDeadline = .milliseconds(200) }) { server in
            let client = try RawClient(server.port)
            client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(try client.someReply().status == 504)
        }
        #expect(try handler.outcome() == .timedOut)
    }

    @Test func aSilentConnectionIsClosed() throws {
        try withServer(.echo(), { $0.idleTimeout = .seconds(1) }) { server in
            let client = try RawClient(server.port)
            client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(try client.someReply().status == 200)
            #expect(try client.isClosed())
        }
    }

    @Test func stoppingFailsWhatIsLeftAndRefusesTheRest() throws {
        let waiting = TestHandler(end: { _, _ in .later })
        let blocked = TestHandler(body: { _, _ in .wait })
        let sending = TestHandler()
        let router = TestRouter { request, _ in
            switch request.path {
            case "/waiting": .handle(waiting)
            case "/blocked": .handle(blocked)
            default: .handle(sending)
            }
        }
        var configuration = ServerConfiguration()
        configuration.port = 0
        let server = try Server.start(configuration, router: router)
        let clients = try ["waiting", "blocked", "sending"].map { name in
            let client = try RawClient(server.port)
            let length = name == "waiting" ? 4 : 10_000_000
            client.send("PUT /\(name) HTTP/1.1\r\nHost: x\r\nContent-Length: \(length)\r\n\r\nsome")
            return client
        }
        let idle = try RawClient(server.port)
        idle.send("HEAD /idle HTTP/1.1\r\nHost: x\r\n\r\n")
        for handler in [waiting, blocked, sending] {
            _ = try #require(handler.seen.wait(within: .seconds(60)) { $0.exchange })
        }
        _ = try idle.someReply(toHead: true)
        server.stop(within: .milliseconds(100))
        server.stop(within: .zero)
        for client in clients { #expect(try client.someReply().status == 503) }
        #expect(try idle.isClosed())
        #expect(throws: RawClient.Failure.self) { try RawClient(server.port) }
        #expect(try waiting.outcome() == .stopped)
        #expect(try blocked.outcome() == .stopped)
        #expect(server.activeExchanges == 0 && server.openConnections == 0)
        waiting.seen.change { $0.exchange }?.reply(.text("late"))
        router.forget()
    }

    @Test func stoppingWaitsForWhatIsUnderWay() throws {
        let handler = TestHandler(end: { _, _ in .later })
        var configuration = ServerConfiguration()
        configuration.port = 0
        let router = TestRouter { request, _ in
            request.path == "/later" ? .handle(handler) : .reply(.text("not wanted"))
        }
        let server = try Server.start(configuration, router: router)
        let client = try RawClient(server.port)
        let other = try RawClient(server.port)
        other.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(try other.someReply().status == 200)
        client.send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n")
        let exchange = try handler.exchangeAtEnd()
        let isDone = Monitor(false)
        let stopper = try #require(
            DedicatedThread(name: "stopper") {
                server.stop(within: .seconds(60))
                isDone.change { $0 = true }
            })
        // New connections are refused from the moment on at which stopping is decided.
        while (try? RawClient(server.port)) != nil {}
        other.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(try other.someReply().status == 503)
        #expect(isDone.change { !$0 })
        exchange.reply(.text("in time"))
        let reply = try client.someReply()
        #expect(reply.text == "in time" && reply.headers["connection"] == "close")
        stopper.join()
        router.forget()
        #expect(try handler.outcome() == .answered(status: 200))
    }

    @Test func stoppingUnderLoadLosesNoExchange() throws {
        let queue = try #require(TimerQueue(name: "test"))
        defer { queue.stop() }
        for _ in 0..<10 {
            let router = TestRouter { _, _ in
                .handle(
                    TestHandler(end: { _, exchange in
                        _ = queue.schedule(after: .milliseconds(1)) { exchange.reply(.text("later")) }
                        return .later
                    }))
            }
            var configuration = ServerConfiguration()
            configuration.port = 0
            let server = try Server.start(configuration, router: router)
            let port = server.port
            let clients = (0..<4).compactMap { _ in
                DedicatedThread(name: "client") {
                    while let client = try? RawClient(port) {
                        repeat {
                            client.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody")
                        } while (try? client.reply())?.status == 200
                    }
                }
            }
            _ = try router.outcomes(200)
            server.stop(within: .zero)
            for client in clients { client.join() }
            router.forget()
            let seen = router.seen.change { $0 }
            #expect(seen.outcomes.count >= seen.targets.count)
            #expect(seen.outcomes.values.allSatisfy { $0.count == 1 })
            #expect(server.activeExchanges == 0)
        }
    }

    @Test func oneAddressGetsSoManyConnectionsAndNoMore() throws {
        try withServer(.echo(), { $0.maxConnectionsPerAddress = 2 }) { server in
            let clients = try (0..<2).map { _ in
                let client = try RawClient(server.port)
                client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(try client.someReply().status == 200)
                return client
            }
            #expect(server.openConnections == 2)
            #expect(try RawClient(server.port).isClosed())
            for client in clients {
                client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(try client.someReply().status == 200)
            }
        }
    }

    @Test func whatCannotBeListenedOnIsSaid() throws {
        try withServer(.echo()) { server in
            var configuration = ServerConfiguration()
            configuration.port = server.port
            #expect(throws: ServerFailure.self) { try Server.start(configuration, router: TestRouter.echo()) }
            configuration.host = "no such host"
            #expect(throws: ServerFailure.unknownHost("no such host")) {
                try Server.start(configuration, router: TestRouter.echo())
            }
        }
    }
}
