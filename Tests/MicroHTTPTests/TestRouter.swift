import MicroHTTP
import Synchronization
import Testing
import Threads

/// A router made of a closure, that remembers what it saw.
final class TestRouter: RequestRouter {
    typealias Accept = @Sendable (borrowing Request, Exchange) -> Acceptance

    struct Seen {
        var targets: [String] = []
        var outcomes: [UInt64: [Outcome]] = [:]
        var ended: [Outcome] { outcomes.values.flatMap { $0 } }
    }

    let seen = Monitor(Seen())
    /// A closure bare in a mutex is wrapped once more by every access.
    private struct Decision { let accept: Accept }

    private let decision: Mutex<Decision?>

    init(_ decide: @escaping Accept) { decision = Mutex(Decision(accept: decide)) }

    /// Lets go of the closure, which often holds a handler, which holds an exchange, which holds this.
    func forget() { decision.withLock { $0 = nil } }

    /// Answers each request with its method and target.
    static func echo() -> TestRouter {
        TestRouter { request, _ in .reply(.text("\(request.method) \(request.target)")) }
    }

    func accept(_ request: borrowing Request, _ exchange: Exchange) -> Acceptance {
        let target = request.target
        seen.change { $0.targets.append(target) }
        return decision.withLock({ $0 })?.accept(request, exchange) ?? .reply(Response(status: 500))
    }

    func response(to refusal: Refusal, _ exchange: Exchange) -> Response {
        .text(refusal.detail, status: refusal.status)
    }

    func completed(_ exchange: Exchange, _ outcome: Outcome) {
        seen.change { $0.outcomes[exchange.id, default: []].append(outcome) }
    }

    var targets: [String] { seen.change { $0.targets } }

    /// How the exchanges ended, once there are so many of them.
    func outcomes(_ count: Int = 1) throws -> [Outcome] {
        let all = try #require(seen.wait(within: .seconds(60)) { $0.ended.count >= count ? $0.outcomes : nil })
        #expect(all.values.allSatisfy { $0.count == 1 })
        return all.sorted { $0.key < $1.key }.flatMap { $0.value }
    }
}

extension Response {
    static func text(_ text: String, status: Int = 200) -> Response {
        Response(status: status, headers: [("Content-Type", "text/plain")], body: .bytes(Array(text.utf8)))
    }
}

/// A handler that keeps the body and lets closures decide.
final class TestHandler: ExchangeHandler {
    struct Seen {
        var body: [UInt8] = []
        var pieces = 0
        var outcomes: [Outcome] = []
        var exchange: Exchange?
        var hasEnded = false
    }

    let seen = Monitor(Seen())
    private let onBody: (@Sendable (Int, Exchange) -> BodyVerdict)?
    private let onEnd: @Sendable (TestHandler, Exchange) -> EndVerdict

    /// A handler.
    ///
    /// - Parameters:
    ///   - body: asked with the number of bytes seen, this piece included, before they are kept.
    ///   - end: asked at the end.
    init(
        body: (@Sendable (Int, Exchange) -> BodyVerdict)? = nil,
        end: @escaping @Sendable (TestHandler, Exchange) -> EndVerdict = { handler, _ in
            .reply(.text("\(handler.seen.change { $0.body.count })"))
        }
    ) {
        onBody = body
        onEnd = end
    }

    func body(_ piece: UnsafeRawBufferPointer, _ exchange: Exchange) -> BodyVerdict {
        let count = seen.change { seen in
            seen.exchange = exchange
            seen.pieces += 1
            return seen.body.count + piece.count
        }
        let verdict = onBody?(count, exchange) ?? .consumed
        if case .consumed = verdict { seen.change { $0.body.append(contentsOf: piece) } }
        return verdict
    }

    func end(_ exchange: Exchange) -> EndVerdict {
        seen.change { seen in
            seen.exchange = exchange
            seen.hasEnded = true
        }
        return onEnd(self, exchange)
    }

    func ended(_ exchange: Exchange, _ outcome: Outcome) { seen.change { $0.outcomes.append(outcome) } }

    /// How it ended; also that it did so once.
    func outcome() throws -> Outcome {
        let outcomes = try #require(seen.wait(within: .seconds(60)) { $0.outcomes.isEmpty ? nil : $0.outcomes })
        #expect(outcomes.count == 1)
        return outcomes[0]
    }

    /// The exchange, once the body's end was seen.
    func exchangeAtEnd() throws -> Exchange {
        try #require(seen.wait(within: .seconds(60)) { $0.hasEnded ? $0.exchange : nil })
    }
}

/// Runs a server for the time of a test.
func withServer<R>(
    _ router: TestRouter, _ change: (inout ServerConfiguration) -> Void = { _ in }, _ body: (Server) throws -> R
) throws -> R {
    var configuration = ServerConfiguration()
    configuration.port = 0
    configuration.threads = 2
    change(&configuration)
    let server = try Server.start(configuration, router: router)
    defer {
        server.stop(within: .seconds(10))
        router.forget()
    }
    return try body(server)
}
