internal import Synchronization
internal import Threads
internal import WireJSON
internal import WireTime

/// Makes a snapshot every second while somebody looks, one for all who do.
///
/// Thread: any.
final class StatusFeed: Sendable {
    private struct State {
        var text: [UInt8] = []
        var number: Int64 = 0
        var isRunning = false
    }

    private static let period: Duration = .seconds(1)

    let listeners = Listeners()
    private let started = Timestamp.now()
    private let state = Mutex(State())

    /// The snapshot behind one that a client has, if there is one.
    func event(after number: Int64) -> (number: Int64, text: [UInt8])? {
        state.withLock { $0.number > number ? ($0.number, $0.text) : nil }
    }

    /// What is to be shown now; the rounds are as far as the log was read.
    func snapshot(_ core: GatewayCore) -> [String: JSONValue] { StatusSnapshot.json(core, started: started) }

    /// Goes on for as long as there are listeners.
    func keepLooking(_ core: GatewayCore) {
        let begins = state.withLock { state in
            defer { state.isRunning = true }
            return !state.isRunning
        }
        if begins { look(core) }
    }

    private func look(_ core: GatewayCore) {
        core.updates.catchUp { [self] _ in
            let text = (try? JSONValue.object(snapshot(core)).encoded()) ?? Array("{}".utf8)
            state.withLock { state in
                state.text = text
                state.number += 1
            }
            listeners.wake()
            _ = core.timers.schedule(after: Self.period) { [self] in
                guard listeners.count > 0 else { return state.withLock { $0.isRunning = false } }
                look(core)
            }
        }
    }
}

/// One who looks.
///
/// Thread: the server calls it from one worker at a time. Unchecked for that reason.
final class StatusStream: EventSource, @unchecked Sendable {
    private let feed: StatusFeed
    private var number: Int64 = 0

    init(_ feed: StatusFeed) { self.feed = feed }

    func next() -> [ServerEvent] {
        guard let event = feed.event(after: number) else { return [] }
        number = event.number
        return [ServerEvent(id: String(number), name: "status", data: event.text)]
    }
}
