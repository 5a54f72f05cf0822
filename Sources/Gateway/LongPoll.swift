internal import MicroHTTP
internal import Synchronization
internal import Threads

/// A client that waits for a result: a suspended connection, a place among the store's watchers and a timer.
///
/// Thread: any; the exchange takes the first reply.
final class LongPoll: ExchangeHandler, ResultWatcher {
    private struct Wait {
        let exchange: Exchange
        /// Nil once the store has let go of it.
        var place: ResultStore.Place?
        let timer: Threads.Timer
    }

    private let core: GatewayCore
    private let request: ResultRequest
    private let id: String
    private let wait = Mutex<Wait?>(nil)

    init(_ core: GatewayCore, _ request: ResultRequest, _ id: String) {
        self.core = core
        self.request = request
        self.id = id
    }

    func body(_ piece: UnsafeRawBufferPointer, _ exchange: Exchange) -> BodyVerdict { .consumed }

    func end(_ exchange: Exchange) -> EndVerdict {
        wait.withLock { wait in
            wait = Wait(
                exchange: exchange, place: core.store.watch(request.round, self),
                timer: core.timers.schedule(after: .seconds(request.wait.seconds)) { [self] in giveUp() })
        }
        // The result, or the gateway's stop, may have come between the first look and the watch.
        if let result = request.round.map({ core.store[$0] }) ?? core.store.latest, isWanted(result) {
            ResultRoutes.send(core, request, result, id, to: exchange)
        } else if core.isStopping {
            giveUp()
        }
        return .later
    }

    func arrived(_ arrival: Arrival) -> Bool {
        guard isWanted(arrival.result) else { return false }
        // A result of an older round that comes late is not the latest.
        guard request.round != nil || core.store.latest?.round == arrival.result.round else { return false }
        let exchange = wait.withLock { wait in
            if request.round != nil { wait?.place = nil }
            return wait?.exchange
        }
        if let exchange { arrival.send(core, request, id, to: exchange) }
        return true
    }

    /// Who waits for another latest than it holds is not helped by that one.
    private func isWanted(_ result: StoredResult) -> Bool { request.round != nil || !request.holds(result) }

    /// Nothing came in time, or the gateway stops, which keeps nobody waiting.
    func giveUp() {
        guard let wait = wait.withLock({ $0 }) else { return }
        if let place = wait.place { core.store.unwatch(place) }
        // A client that waited for a newer latest in vain gets the one that there is, or 304.
        if request.round == nil, let latest = core.store.latest {
            return ResultRoutes.send(core, request, latest, id, to: wait.exchange)
        }
        wait.exchange.reply(ResultRoutes.pending(core, request, id))
    }

    func ended(_ exchange: Exchange, _ outcome: Outcome) {
        guard let wait = wait.withLock({ $0.take() }) else { return }
        if let place = wait.place { core.store.unwatch(place) }
        wait.timer.cancel()
    }
}
