internal import Synchronization
internal import Threads

/// Looks at all connections now and then, and ends those that are too slow: the library itself only knows how long
/// nothing at all has happened.
///
/// Thread: its own.
final class Watchdog: Sendable {
    private let core: ServerCore
    private let stopping = Monitor(false)
    private let thread = Mutex<DedicatedThread?>(nil)

    init?(_ core: ServerCore) {
        self.core = core
        let started = DedicatedThread(name: "http-watchdog") { [self] in run() }
        guard let started else { return nil }
        thread.withLock { $0 = started }
    }

    func stop() {
        stopping.change { $0 = true }
        thread.withLock { $0.take() }?.join()
    }

    private func run() {
        let limits = core.configuration
        let shortest = min(limits.headerTimeout, limits.rateGrace, limits.requestDeadline)
        let period = max(.milliseconds(20), min(.seconds(1), shortest / 4))
        while stopping.wait(within: period, for: { $0 ? true : nil }) == nil {
            for record in core.connections.all { check(record, limits) }
        }
    }

    private func check(_ record: ConnectionRecord, _ limits: ServerConfiguration) {
        guard let exchange = record.exchange else {
            // Also a client that sends its request line byte by byte; one that keeps a connection is told by its end.
            if record.idleTime > limits.idleTimeout { record.cut() }
            return
        }
        let time = exchange.activeTime
        switch exchange.phase.load(ordering: .relaxed) {
        case .headers:
            if time > limits.headerTimeout { refuse(exchange, record) }
        case .body:
            let (seconds, attoseconds) = (time - limits.rateGrace).components
            let least = (Double(seconds) + Double(attoseconds) * 1e-18) * Double(limits.minimumRate)
            let isSlow = Double(exchange.bytesIn.load(ordering: .relaxed)) < least && !exchange.isSuspended
            if isSlow || time > limits.requestDeadline { refuse(exchange, record) }
        case .answer:
            // A client that does not read its answer; whoever waits for the log is not counted.
            if time > limits.requestDeadline { record.cut() }
        }
    }

    private func refuse(_ exchange: Exchange, _ record: ConnectionRecord) {
        // An answer that was given in the middle of the body is not followed by another.
        if exchange.claim() {
            let response = core.router.response(to: .tooSlow)
            record.send(RawResponse.bytes(response))
        }
        record.cut()
    }
}
