internal import MicroHTTP
internal import Synchronization
internal import Threads

/// A client that waits for a result: a suspended connection, a watcher and a timer.
///
/// Thread: any; the exchange takes the first reply.
final class LongPoll: ExchangeHandler {
    private let core: GatewayCore
    private let request: ResultRequest
    private let id: String
    private let waiting = Mutex<(watcher: UInt64, timer: Threads.Timer)?>(nil)

    init(_ core: GatewayCore, _ request: ResultRequest, _ id: String) {
        self.core = core
        self.request = request
        self.id = id
    }

    func body(_ piece: UnsafeRawBufferPointer, _ exchange: Exchange) -> BodyVerdict { .consumed }

    func end(_ exchange: Exchange) -> EndVerdict {
        let (core, request, id) = (core, request, id)
        let watcher = core.store.watch { result in
            let isWanted = request.round.map { $0 == result.round } ?? !request.holds(result)
            if isWanted { exchange.reply(ResultRoutes.respond(core, request, result, id)) }
            return isWanted
        }
        let timer = core.timers.schedule(after: .seconds(request.wait)) {
            core.store.unwatch(watcher)
            exchange.reply(ResultRoutes.missing(core, request, id))
        }
        waiting.withLock { $0 = (watcher, timer) }
        // The result may have come between the first look and the watcher.
        if let round = request.round, let result = core.store[round] {
            return .reply(ResultRoutes.respond(core, request, result, id))
        }
        return .later
    }

    func ended(_ exchange: Exchange, _ outcome: Outcome) {
        guard let (watcher, timer) = waiting.withLock({ $0.take() }) else { return }
        core.store.unwatch(watcher)
        timer.cancel()
    }
}
