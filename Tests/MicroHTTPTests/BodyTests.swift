import MicroHTTP
import Synchronization
import Testing
import Threads

/// Bodies on their way in, and the many moments at which an answer can come.
@Suite struct BodyTests {
    /// A body that shows where a piece is missing, doubled or out of place.
    static func pattern(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) } }

    static func put(_ count: Int, _ headers: String = "") -> String {
        "PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: \(count)\r\n\(headers)\r\n"
    }

    @Test func requestsShareAConnection() throws {
        try withServer(.echo()) { server in
            let client = try RawClient(server.port)
            for number in 1...3 {
                client.send("GET /\(number) HTTP/1.1\r\nHost: x\r\n\r\n")
                let reply = try client.someReply()
                #expect(reply.text == "GET /\(number)")
                #expect(reply.headers["connection"] == nil && reply.headers["date"] != nil)
            }
            #expect(server.openConnections == 1)
        }
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() throws {
        try withServer(.echo()) { server in
            let client = try RawClient(server.port)
            client.send((1...20).map { "POST /\($0) HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc" }.joined())
            for number in 1...20 { #expect(try client.someReply().text == "POST /\(number)") }
        }
    }

    @Test func chunksArriveWhole() throws {
        let body = Self.pattern(300_000)
        let handler = TestHandler()
        try withServer(TestRouter { _, _ in .handle(handler) }) { server in
            let client = try RawClient(server.port)
            client.send("PUT /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            var rest = body[...]
            var size = 1
            while !rest.isEmpty {
                let chunk = rest.prefix(size)
                client.send(String(chunk.count, radix: 16) + "\r\n")
                client.send(Array(chunk) + Array("\r\n".utf8))
                rest = rest.dropFirst(size)
                size = size * 3 + 1
            }
            client.send("0\r\n\r\n")
            #expect(try client.someReply().text == "300000")
        }
        #expect(handler.seen.change { $0.body } == body)
        #expect(try handler.outcome() == .answered(status: 200))
    }

    @Test func tinyChunksAreRefused() throws {
        let handler = TestHandler()
        try withServer(TestRouter { _, _ in .handle(handler) }) { server in
            let client = try RawClient(server.port)
            client.send("PUT /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            client.send(String(repeating: "1\r\nx\r\n", count: 100_000))
            #expect(try client.reply()?.status == 400)
        }
        #expect(handler.seen.change { $0.pieces } < 70_000)
    }

    @Test func tooLargeIsSaidBeforeTheBodyIsSent() throws {
        let router = TestRouter { request, _ in
            #expect(request.contentLength == 10 << 30 && request.hasBody && !request.isChunked)
            return .reply(.text("too large", status: 413))
        }
        try withServer(router) { server in
            let client = try RawClient(server.port)
            client.send(Self.put(10 << 30, "Expect: 100-continue\r\n"))
            let reply = try client.someReply()
            #expect(reply.status == 413 && reply.text == "too large" && reply.headers["connection"] == "close")
            #expect(try client.isClosed())
        }
        #expect(try router.outcomes() == [.answered(status: 413)])
    }

    @Test func whoExpectsIsToldToContinue() throws {
        try withServer(TestRouter { _, _ in .handle(TestHandler()) }) { server in
            let client = try RawClient(server.port)
            client.send(Self.put(5, "Expect: 100-continue\r\n"))
            #expect(try client.someReply().status == 100)
            client.send("hello")
            #expect(try client.someReply().text == "5")
        }
    }

    @Test func whatWaitsIsSuspendedAndArrivesIntact() throws {
        let body = Self.pattern(1_000_000)
        let queue = try #require(TimerQueue(name: "test"))
        defer { queue.stop() }
        let turns = Atomic(0)
        let handler = TestHandler(body: { _, exchange in
            switch turns.wrappingAdd(1, ordering: .relaxed).newValue % 3 {
            case 0: return .consumed
            case 1:
                _ = queue.schedule(after: .milliseconds(1)) { exchange.resume() }
                return .wait
            default:
                exchange.resume()
                return .wait
            }
        })
        try withServer(TestRouter { _, _ in .handle(handler) }) { server in
            let client = try RawClient(server.port)
            client.send(Self.put(body.count))
            client.send(body)
            #expect(try client.someReply().text == "1000000")
        }
        #expect(handler.seen.change { $0.body } == body)
        #expect(handler.seen.change { $0.exchange?.bytesIn } == 1_000_000)
    }

    @Test(arguments: [0, 5]) func theAnswerMayComeLaterFromAnotherThread(length: Int) throws {
        let handler = TestHandler(end: { _, _ in .later })
        try withServer(TestRouter { _, _ in .handle(handler) }) { server in
            let client = try RawClient(server.port)
            client.send(Self.put(length) + String("hello".prefix(length)))
            let exchange = try handler.exchangeAtEnd()
            exchange.resume()
            #expect(server.activeExchanges == 1)
            exchange.reply(.text("late", status: 202))
            exchange.reply(.text("too late", status: 500))
            #expect(try client.someReply().text == "late")
            #expect(
                exchange.status == 202 && exchange.method == "PUT" && exchange.path == "/x"
                    && exchange.summary.bytesOut == 4)
            client.send("GET /again HTTP/1.1\r\nHost: x\r\n\r\n")
            let next = try #require(
                handler.seen.wait(within: .seconds(60)) { $0.exchange?.path == "/again" ? $0.exchange : nil })
            next.reply(.text("again"))
            #expect(try client.someReply().text == "again")
            exchange.reply(.text("much too late"))
            exchange.resume()
        }
    }

    @Test func theFirstOfManyAnswersCounts() throws {
        let queue = try #require(TimerQueue(name: "test"))
        defer { queue.stop() }
        let router = TestRouter { _, _ in
            .handle(
                TestHandler(end: { _, exchange in
                    for number in 0..<3 { _ = queue.schedule(after: .zero) { exchange.reply(.text("\(number)")) } }
                    exchange.reply(.text("here"))
                    return .later
                }))
        }
        try withServer(router) { server in
            let client = try RawClient(server.port)
            for _ in 0..<300 {
                client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(try ["here", "0", "1", "2"].contains(client.someReply().text))
            }
        }
        #expect(try router.outcomes(300).allSatisfy { $0 == .answered(status: 200) })
    }

    @Test(arguments: [true, false]) func aClientThatGoesAwayIsNoticedOnce(waits: Bool) throws {
        let handler = TestHandler(body: { _, _ in waits ? .wait : .consumed })
        let router = TestRouter { _, _ in .handle(handler) }
        try withServer(router) { server in
            let client = try RawClient(server.port)
            client.send(Self.put(1_000_000) + "some of it")
            let exchange = try #require(handler.seen.wait(within: .seconds(60)) { $0.exchange })
            client.reset()
            exchange.resume()
            #expect(try handler.outcome() == .aborted)
            exchange.reply(.text("nobody hears it"))
        }
        #expect(try router.outcomes() == [.aborted])
    }

    @Test func aClientThatGoesAwayBeforeItsAnswerIsNoticed() throws {
        let handler = TestHandler(end: { _, _ in .later })
        try withServer(TestRouter { _, _ in .handle(handler) }, { $0.rateGrace = .milliseconds(100) }) { server in
            let client = try RawClient(server.port)
            client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            let exchange = try handler.exchangeAtEnd()
            client.reset()
            #expect(try handler.outcome() == .aborted)
            exchange.reply(.text("nobody hears it"))
        }
    }

    @Test func whoOnlyFinishedSendingGetsAnAnswer() throws {
        let handler = TestHandler(end: { _, _ in .later })
        try withServer(TestRouter { _, _ in .handle(handler) }, { $0.rateGrace = .milliseconds(100) }) { server in
            let client = try RawClient(server.port)
            client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            let exchange = try handler.exchangeAtEnd()
            client.finishSending()
            _ = Monitor(()).wait(within: .milliseconds(300)) { _ in nil as Bool? }
            exchange.reply(.text("still there"))
            #expect(try client.someReply().text == "still there")
        }
    }

    @Test func everyRequestOfManyClientsIsAnswered() throws {
        let queue = try #require(TimerQueue(name: "test"))
        defer { queue.stop() }
        let router = TestRouter { request, exchange in
            switch exchange.id % 4 {
            case 0: .reply(.text(request.target))
            case 1: .handle(TestHandler(end: { _, exchange in .reply(.text(exchange.target)) }))
            case 2:
                .handle(
                    TestHandler(end: { _, exchange in
                        _ = queue.schedule(after: .zero) { exchange.reply(.text(exchange.target)) }
                        return .later
                    }))
            default:
                .handle(
                    TestHandler(
                        body: { count, exchange in
                            guard exchange.summary.bytesOut == 0 else { return .consumed }
                            exchange.resume()
                            return exchange.id % 8 == 3 ? .consumed : .reject(.text(exchange.target))
                        }, end: { _, exchange in .reply(.text(exchange.target)) }))
            }
        }
        let failures = Atomic(0)
        try withServer(router) { server in
            let port = server.port
            let clients = (0..<8).compactMap { number in
                DedicatedThread(name: "client") {
                    do {
                        let client = try RawClient(port)
                        for turn in 0..<1250 {
                            let target = "/\(number)/\(turn)"
                            let body = String(repeating: "x", count: turn % 7 * 100)
                            client.send(
                                "PUT \(target) HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
                            )
                            if try client.reply()?.text != target { failures.wrappingAdd(1, ordering: .relaxed) }
                        }
                    } catch {
                        failures.wrappingAdd(1, ordering: .relaxed)
                    }
                }
            }
            for client in clients { client.join() }
        }
        #expect(failures.load(ordering: .relaxed) == 0)
        #expect(try router.outcomes(10_000).count == 10_000)
    }
}
