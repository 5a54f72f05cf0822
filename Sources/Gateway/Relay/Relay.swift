internal import Bytes
internal import Envelopes
internal import EventLog
internal import Synchronization
internal import Telemetry
internal import Threads

/// The small messages of the protocol: what the log has of them, and what writing them needs.
///
/// Thread: any.
final class Relay: Sendable {
    /// Bytes of bodies that are gathered at one time.
    static let mostGathered = 32 << 20

    let commands: MessageFollower
    let clients: MessageFollower
    let commandListeners = Listeners()
    let retry: RetryPolicy
    let pool = SlabPool(limit: 32 << 20)
    let retries: Counter
    private let commandBook: Shared<CommandBook>
    private let clientBook: Shared<ClientBook>
    private let gathered = Atomic(0)
    private let stored: [MessageType: Counter]

    /// A value behind a lock, held by the follower's closures.
    private final class Shared<Value: Sendable>: Sendable {
        let value: Mutex<Value>
        init(_ value: sending Value) { self.value = Mutex(value) }
    }

    init(
        _ log: any EventLog, retries: Int, _ timers: TimerQueue, _ registry: MetricRegistry, _ logger: Logger
    ) {
        retry = RetryPolicy(attempts: 1 + retries)
        let commandBook = Shared(CommandBook())
        let clientBook = Shared(ClientBook())
        self.commandBook = commandBook
        self.clientBook = clientBook
        self.retries = registry.counter(
            "fedgate_message_retries_total", "Times that a small message was appended again.")
        func unreadable(_ topic: String) -> Counter {
            registry.counter(
                "fedgate_unreadable_messages_total", "Records of small messages that could not be read.",
                [("topic", topic)])
        }
        commands = MessageFollower(
            log, TopicName.control,
            .init(
                take: { message in commandBook.value.withLock { $0.add(message) } },
                advance: { [commandListeners] positions in
                    commandBook.value.withLock { $0.advance(to: positions) }
                    commandListeners.wake()
                }, forget: { commandBook.value.withLock { $0 = CommandBook() } }),
            unreadable(TopicName.control), timers, logger)
        clients = MessageFollower(
            log, TopicName.clients,
            .init(
                take: { message in clientBook.value.withLock { $0.add(message) } }, advance: { _ in },
                forget: { clientBook.value.withLock { $0 = ClientBook() } }),
            unreadable(TopicName.clients), timers, logger)
        let types = SmallMessage.types(of: TopicName.control).union(SmallMessage.types(of: TopicName.clients))
        stored = Dictionary(
            uniqueKeysWithValues: types.map { type in
                (
                    type,
                    registry.counter(
                        "fedgate_messages_stored_total", "Small messages that the log has acknowledged.",
                        [("type", type.rawValue)])
                )
            })
        registry.gauge("fedgate_commands_kept", "Training commands in memory.") {
            Double(commandBook.value.withLock { $0.count })
        }
        registry.gauge("fedgate_clients_kept", "Clients of which something is in memory.") {
            Double(clientBook.value.withLock { $0.clients.count })
        }
        registry.gauge("fedgate_message_memory_bytes", "Memory of small messages that are kept.") {
            Double(commandBook.value.withLock { $0.bytes } + clientBook.value.withLock { $0.bytes })
        }
        registry.gauge("fedgate_command_listeners", "Requests that wait for training commands.") { [commandListeners] in
            Double(commandListeners.count)
        }
    }

    func page(after cursor: LogCursor, most: Int = 1000) -> CommandBook.Page {
        commandBook.value.withLock { $0.page(after: cursor, mostCommands: most) }
    }

    func command(by key: String) -> SmallMessage? { commandBook.value.withLock { $0.command(by: key) } }

    func client(_ id: String) -> ClientBook.Client? { clientBook.value.withLock { $0.clients[id] } }

    func registered(after id: String?) -> (page: [SmallMessage], hasMore: Bool) {
        // The copy is of references; the sorting is done outside the lock.
        clientBook.value.withLock { $0 }.registered(after: id)
    }

    func follower(of topic: String) -> MessageFollower { topic == TopicName.control ? commands : clients }

    func noteStored(_ type: MessageType) { stored[type]?.add() }

    /// Asks for memory to gather bytes of a body; false when others have it all.
    func reserve(_ count: Int) -> Bool {
        guard gathered.wrappingAdd(count, ordering: .relaxed).newValue <= Self.mostGathered else {
            release(count)
            return false
        }
        return true
    }

    func release(_ count: Int) { gathered.wrappingSubtract(count, ordering: .relaxed) }

    var isCaughtUp: Bool { commands.isCaughtUp && clients.isCaughtUp }

    func start() -> Bool { commands.start() && clients.start() }

    func beginStopping() {
        commands.beginStopping()
        clients.beginStopping()
    }

    func stop() {
        beginStopping()
        commands.stop()
        clients.stop()
    }
}

extension GatewayCore {
    /// Has all event streams show now and then that they are alive.
    func keepBeating() {
        _ = timers.schedule(after: EventStream.heartbeat) { [self] in
            relay.commandListeners.beat()
            rounds.listeners.beat()
            keepBeating()
        }
    }
}
