internal import Envelopes

/// What clients have said of themselves, as far as it is kept in memory.
///
/// It decides; it does no I/O.
struct ClientBook: Sendable {
    /// What is kept at most.
    struct Limits: Sendable {
        /// Beyond it those go first that never registered, then those that were silent for longest.
        var clients = 10_000
        var bytes = 32 << 20
        /// Of each client and type; the oldest go first.
        var reports = 16
    }

    /// One client.
    struct Client: Sendable {
        fileprivate(set) var registration: SmallMessage?
        /// The latest of each type, in the order of the log.
        fileprivate(set) var reports: [MessageType: [SmallMessage]] = [:]
        fileprivate var turn: UInt64 = 0

        fileprivate var weight: Int {
            reports.values.joined().reduce(registration?.weight ?? 0) { $0 + $1.weight }
        }
    }

    private let limits: Limits
    private(set) var clients: [String: Client] = [:]
    private(set) var bytes = 0
    private var turn: UInt64 = 0

    init(_ limits: Limits = Limits()) { self.limits = limits }

    /// Notes a message, in the order of its partition; one that is there already does not count.
    mutating func add(_ message: SmallMessage) {
        var client = clients[message.senderID] ?? Client()
        turn += 1
        client.turn = turn
        if message.type == .clientRegistration {
            bytes += message.weight - (client.registration?.weight ?? 0)
            client.registration = message
        } else {
            var reports = client.reports[message.type] ?? []
            guard !reports.contains(where: { $0.messageID == message.messageID }) else { return }
            reports.append(message)
            bytes += message.weight
            if reports.count > limits.reports { bytes -= reports.removeFirst().weight }
            client.reports[message.type] = reports
        }
        clients[message.senderID] = client
        if clients.count > limits.clients || bytes > limits.bytes { dropSilent(but: message.senderID) }
    }

    /// An eighth more than has to go, so that it is rare.
    private mutating func dropSilent(but last: String) {
        let order = clients.sorted { one, other in
            let (isOne, isOther) = (one.value.registration != nil, other.value.registration != nil)
            return isOne == isOther ? one.value.turn < other.value.turn : !isOne
        }
        for (id, client) in order
        where id != last && (clients.count > limits.clients / 8 * 7 || bytes > limits.bytes / 8 * 7) {
            clients[id] = nil
            bytes -= client.weight
        }
    }

    /// Registered clients in the order of their ids, or those of them that fit a page.
    ///
    /// - Parameter id: the last one of the page before.
    /// - Returns: the page, and whether more follow.
    func registered(
        after id: String?, most: Int = 1000, mostBytes: Int = 4 << 20
    ) -> (page: [SmallMessage], hasMore: Bool) {
        let all = clients.values.compactMap(\.registration).filter { message in id.map { message.senderID > $0 } ?? true
        }
        var page: [SmallMessage] = []
        var size = 0
        for message in all.sorted(by: { $0.senderID < $1.senderID }) {
            size += message.weight
            guard page.count < most, size <= mostBytes || page.isEmpty else { return (page, true) }
            page.append(message)
        }
        return (page, false)
    }
}
