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
    private let waiting = Mutex<(watcher: UInt64, timer: Threads.Timer, hook: UInt64)?>(nil)

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
            if isWanted { ResultRoutes.send(core, request, result, id, to: exchange) }
            return isWanted
        }
        let giveUp: @Sendable () -> Void = {
            core.store.unwatch(watcher)
            // A client that waited for a newer latest in vain gets the one that there is, or 304.
            if request.round == nil, let latest = core.store.latest {
                return ResultRoutes.send(core, request, latest, id, to: exchange)
            }
            exchange.reply(ResultRoutes.pending(core, request, id))
        }
        let timer = core.timers.schedule(after: .seconds(request.wait.seconds), giveUp)
        // A gateway that stops keeps nobody waiting.
        let hook = core.stopHooks.add(giveUp)
        waiting.withLock { $0 = (watcher, timer, hook) }
        // The result may have come between the first look and the watcher.
        if let round = request.round, let result = core.store[round] {
            ResultRoutes.send(core, request, result, id, to: exchange)
        }
        return .later
    }

    func ended(_ exchange: Exchange, _ outcome: Outcome) {
        guard let (watcher, timer, hook) = waiting.withLock({ $0.take() }) else { return }
        core.store.unwatch(watcher)
        timer.cancel()
        core.stopHooks.remove(hook)
    }
}
