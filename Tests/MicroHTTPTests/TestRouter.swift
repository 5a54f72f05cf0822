import Synchronization
import Threads

@testable import MicroHTTP

/// Answers by path: `/echo` counts the body, `/later` answers from another thread, `/full` takes every piece only when it
/// comes the second time, `/picky` refuses the body at its first byte, `/limit` refuses it at the headers.
final class TestRouter: RequestRouter {
    let outcomes = Monitor<[Outcome]>([])
    let ended = Monitor(0)
    let timers: TimerQueue

    init(_ timers: TimerQueue) { self.timers = timers }

    func accept(_ request: consuming Request, _ exchange: Exchange) -> Acceptance {
        switch request.path {
        case "/limit": .reply(Response(status: 413, body: .bytes(Array("too large".utf8))))
        case "/plain": .reply(Response(status: 200, body: .bytes(Array("plain".utf8))))
        case "/same": .reply(Response(status: 304, headers: [("ETag", "\"x\"")]))
        default: .handle(TestHandler(self, String(request.path)))
        }
    }

    func response(to refusal: Refusal) -> Response {
        Response(status: refusal.status, body: .bytes(Array(refusal.reason.utf8)))
    }

    func completed(_ exchange: Exchange, _ outcome: Outcome) { outcomes.change { $0.append(outcome) } }
}

final class TestHandler: ExchangeHandler {
    private let router: TestRouter
    private let path: String
    private let state = Mutex((count: 0, sum: 0, again: false))

    init(_ router: TestRouter, _ path: String) {
        self.router = router
        self.path = path
    }

    func body(_ piece: UnsafeRawBufferPointer, _ exchange: Exchange) -> BodyVerdict {
        if path == "/picky" { return .reject(Response(status: 422, body: .bytes(Array("wrong".utf8)))) }
        if path == "/full" {
            let isAgain = state.withLock { state in
                state.again.toggle()
                return !state.again
            }
            if !isAgain {
                _ = router.timers.schedule(after: .zero) { exchange.resume() }
                return .wait
            }
        }
        state.withLock { state in
            state.count += piece.count
            state.sum = piece.reduce(state.sum) { ($0 &* 31 &+ Int($1)) & 0xffff_ffff }
        }
        return .consumed
    }

    func end(_ exchange: Exchange) -> EndVerdict {
        let (count, sum, _) = state.withLock { $0 }
        let response = Response(status: 200, body: .bytes(Array("\(count) \(sum)".utf8)))
        if path == "/never" { return .later }
        guard path == "/later" else { return .reply(response) }
        _ = router.timers.schedule(after: .milliseconds(2)) {
            exchange.reply(response)
            exchange.reply(Response(status: 500))
        }
        return .later
    }

    func ended(_ exchange: Exchange, _ outcome: Outcome) { router.ended.change { $0 += 1 } }
}

/// A server for one test, stopped at its end.
final class TestServer {
    let router: TestRouter
    let server: Server
    private let timers: TimerQueue

    init(_ change: (inout ServerConfiguration) -> Void = { _ in }) throws {
        guard let timers = TimerQueue(name: "test-timers") else { throw ServerFailure(description: "no thread") }
        self.timers = timers
        router = TestRouter(timers)
        var configuration = ServerConfiguration(port: 0)
        change(&configuration)
        server = try Server(configuration, router: router)
    }

    deinit {
        server.stop(within: .milliseconds(50))
        timers.stop()
    }

    var client: RawClient { RawClient(port: server.port, server: self) }

    /// What the server answers to these bytes, until it ends the connection.
    func answer(_ request: String) -> String {
        let client = client
        client.send(request)
        return client.readToEnd()
    }
}
