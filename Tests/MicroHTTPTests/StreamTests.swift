import Synchronization
import Testing
import Threads

@testable import MicroHTTP

/// A stream that a test pushes into, and its handler.
final class TestStream: BodySource, ExchangeHandler {
    struct State {
        var pieces: [[UInt8]] = []
        var isOver = false
        var asked = 0
        var exchange: Exchange?
        var outcomes: [Outcome] = []
    }

    let state = Monitor(State())

    func next() -> BodyStep {
        state.change { state in
            state.asked += 1
            guard state.pieces.isEmpty else { return .bytes(state.pieces.removeFirst()) }
            return state.isOver ? .end : .wait
        }
    }

    func push(_ text: String) throws { try push(Array(text.utf8)) }

    func push(_ bytes: [UInt8]) throws {
        state.change { $0.pieces.append(bytes) }
        try exchange().resume()
    }

    func finish() throws {
        state.change { $0.isOver = true }
        try exchange().resume()
    }

    func exchange() throws -> Exchange { try #require(state.wait(within: .seconds(60)) { $0.exchange }) }

    func outcome() throws -> Outcome { try #require(state.wait(within: .seconds(60)) { $0.outcomes.first }) }

    func body(_ piece: UnsafeRawBufferPointer, _ exchange: Exchange) -> BodyVerdict { .consumed }

    func end(_ exchange: Exchange) -> EndVerdict {
        state.change { $0.exchange = exchange }
        return .reply(
            Response(status: 200, headers: [("Content-Type", "text/event-stream")], body: .stream(self)))
    }

    func ended(_ exchange: Exchange, _ outcome: Outcome) {
        state.change { state in
            state.outcomes.append(outcome)
            state.exchange = nil
        }
    }
}

@Suite struct StreamTests {
    private static func withStream<R>(
        _ change: (inout ServerConfiguration) -> Void = { _ in }, _ version: String = "1.1", method: String = "GET",
        _ body: (TestStream, RawClient, Server) throws -> R
    ) throws -> R {
        let stream = TestStream()
        let router = TestRouter { request, _ in request.path == "/" ? .handle(stream) : .reply(.text("other")) }
        return try withServer(router, change) { server in
            let client = try RawClient(server.port)
            client.send("\(method) / HTTP/\(version)\r\nHost: x\r\n\r\n")
            return try body(stream, client, server)
        }
    }

    @Test func piecesComeWhenTheyArePushed() throws {
        try Self.withStream { stream, client, server in
            let head = String(decoding: try client.take(upTo: "\r\n\r\n"), as: UTF8.self)
            #expect(head.contains("Transfer-Encoding: chunked") && head.hasPrefix("HTTP/1.1 200"))
            for number in 0..<20 {
                try stream.push("event \(number)\n")
                try client.take(upTo: "event \(number)\n")
            }
            try stream.finish()
            try client.take(upTo: "0\r\n\r\n")
            #expect(try stream.outcome() == .answered(status: 200))
            // The connection lives on.
            client.send("GET /other HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(try client.someReply().text == "other")
        }
    }

    @Test func underTheOldVersionTheConnectionEndsTheBody() throws {
        try Self.withStream({ _ in }, "1.0") { stream, client, _ in
            try client.take(upTo: "\r\n\r\n")
            try stream.push("one,")
            try client.take(upTo: "one,")
            try stream.push("two")
            try stream.finish()
            let rest = try client.rest()
            #expect(rest == Array("two".utf8))
        }
    }

    @Test func headHasNoBody() throws {
        try Self.withStream(method: "HEAD") { stream, client, _ in
            let (status, outcome) = (try client.someReply(toHead: true).status, try stream.outcome())
            #expect(status == 200 && outcome == .answered(status: 200))
            let asked = stream.state.look { $0.asked }
            #expect(asked == 0)
            let rest = try client.rest()
            #expect(rest.isEmpty)
        }
    }

    @Test func aPieceMayBeLargerThanTheConnectionsMemory() throws {
        let piece = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) | 0x80 }
        try Self.withStream({ _ in }, "1.0") { stream, client, _ in
            try client.take(upTo: "\r\n\r\n")
            try stream.push(piece)
            try stream.finish()
            #expect(try client.rest() == piece)
        }
    }

    @Test func whoDoesNotReadIsNotAskedFor() throws {
        try Self.withStream({ $0.idleTimeout = .seconds(2) }) { stream, client, _ in
            try client.take(upTo: "\r\n\r\n")
            let piece = [UInt8](repeating: 65, count: 1 << 20)
            for _ in 0..<64 { try stream.push(piece) }
            #expect(try stream.outcome() != .answered(status: 200))
            // What the sockets hold, and not what there is.
            let left = stream.state.look { $0.pieces.count }
            #expect(left > 32)
        }
    }

    @Test func aClientThatIsGoneIsNoticed() throws {
        try Self.withStream { stream, client, server in
            try client.take(upTo: "\r\n\r\n")
            _ = try stream.exchange()
            client.reset()
            #expect(try stream.outcome() == .aborted)
            #expect(server.activeExchanges <= 1)
        }
    }

    @Test func aDeadlineEndsItCleanly() throws {
        try Self.withStream({ $0.requestDeadline = .milliseconds(300) }) { stream, client, _ in
            try client.take(upTo: "0\r\n\r\n")
            #expect(try stream.outcome() == .answered(status: 200))
        }
    }

    @Test func stoppingEndsAllOfThemCleanly() throws {
        let streams = (0..<50).map { _ in TestStream() }
        let router = TestRouter { request, _ in .handle(streams[Int(request.path.dropFirst()) ?? 0]) }
        let clients = try withServer(router) { server in
            try streams.indices.map { index in
                let client = try RawClient(server.port)
                client.send("GET /\(index) HTTP/1.1\r\nHost: x\r\n\r\n")
                try client.take(upTo: "\r\n\r\n")
                return client
            }
        }
        for client in clients {
            let rest = try client.rest()
            #expect(rest == Array("0\r\n\r\n".utf8))
        }
        for stream in streams { #expect(try stream.outcome() == .answered(status: 200)) }
    }
}
