internal import Synchronization
internal import Threads

/// What the callbacks, the timer and `Server` share.
final class ServerCore: Sendable {
    enum Mode: Int, AtomicRepresentable, Comparable {
        case running
        /// New requests are refused, those that are there go on.
        case stopping
        /// Nothing may be suspended any more.
        case failing

        static func < (a: Mode, b: Mode) -> Bool { a.rawValue < b.rawValue }
    }

    let configuration: ServerConfiguration
    let router: any RequestRouter
    let timers: TimerQueue
    /// Whether the library parses heads in place, line after line.
    let parsesInPlace: Bool
    private let numbers = Atomic<UInt64>(0)
    private let modeNow = Atomic(Mode.running)
    private let active = Atomic(0)
    private let drained = Monitor(())
    private let connections = Mutex<[ObjectIdentifier: Connection]>([:])
    private let lastMessage = Mutex("")

    init(_ configuration: ServerConfiguration, _ router: any RequestRouter, _ timers: TimerQueue, parsesInPlace: Bool) {
        self.configuration = configuration
        self.router = router
        self.timers = timers
        self.parsesInPlace = parsesInPlace
    }

    var mode: Mode { modeNow.load(ordering: .sequentiallyConsistent) }
    var activeExchanges: Int { active.load(ordering: .sequentiallyConsistent) }
    var openConnections: Int { connections.withLock { $0.count } }
    var everyConnection: [Connection] { connections.withLock { Array($0.values) } }
    var message: String { lastMessage.withLock { $0 } }

    func nextNumber() -> UInt64 { numbers.wrappingAdd(1, ordering: .relaxed).newValue }

    func add(_ connection: Connection) { connections.withLock { $0[ObjectIdentifier(connection)] = connection } }
    func remove(_ connection: Connection) { connections.withLock { $0[ObjectIdentifier(connection)] = nil } }

    func exchangeBegan() { active.wrappingAdd(1, ordering: .sequentiallyConsistent) }

    func exchangeEnded() {
        let left = active.wrappingSubtract(1, ordering: .sequentiallyConsistent).newValue
        if left == 0, mode > .running { drained.change { _ in } }
    }

    func log(_ text: String) {
        lastMessage.withLock { $0 = text }
        configuration.log?(text)
    }

    /// The answer to a refusal, with the status that belongs to it.
    func response(to refusal: Refusal, _ exchange: Exchange) -> Response {
        var response = router.response(to: refusal, exchange)
        response.status = refusal.status
        response.close = true
        return response
    }

    // MARK: the watch

    /// Looks at every connection, now and from time to time until the timer stops.
    func watch() {
        let now = Moment.now
        for connection in everyConnection { connection.check(at: now, configuration)?.check(at: now) }
        let shortest = min(configuration.headerTimeout, configuration.rateGrace, configuration.requestDeadline) / 4
        _ = timers.schedule(after: max(.milliseconds(10), min(.seconds(1), shortest))) { [self] in watch() }
    }

    // MARK: the end

    /// Waits until no exchange is left.
    func drain(within time: Duration) {
        _ = drained.wait(within: max(.zero, time)) { _ in activeExchanges == 0 ? true : nil }
    }

    func change(to mode: Mode) { modeNow.store(mode, ordering: .sequentiallyConsistent) }
}
