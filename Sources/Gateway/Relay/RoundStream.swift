internal import MicroHTTP
internal import Synchronization

/// A client that listens to changes of rounds, of one or of all.
///
/// Thread: the server calls it from one worker at a time. Unchecked for that reason.
final class RoundStream: ExchangeHandler, EventSource, @unchecked Sendable {
    private static let most = 16

    private let core: GatewayCore
    private let id: String
    private let round: Int64?
    private var place: Int64 = -1
    private let isOver = Mutex(false)

    /// - Parameter last: the number of the event that the client saw last.
    init(_ call: Call, round: Int64?, after last: Int64?) {
        core = call.core
        id = call.id
        self.round = round
        if let last { place = core.rounds.place(of: last) }
    }

    /// What a request says that its client saw last; where it comes back to is later than where it began.
    static func last(_ request: borrowing Request, _ query: Query) throws(Failure) -> Int64? {
        let after = try query.integer("after", in: 0...WholeNumber.largest)
        guard let text = request.header("Last-Event-ID") else { return after }
        guard let number = WholeNumber.parse(text), number <= WholeNumber.largest else {
            throw Failure(.badRequest, "Last-Event-ID \"\(text)\" is no number of an event")
        }
        return number
    }

    func body(_ piece: UnsafeRawBufferPointer, _ exchange: Exchange) -> BodyVerdict { .consumed }

    func end(_ exchange: Exchange) -> EndVerdict {
        core.updates.catchUp { [self] result in
            do throws(Failure) {
                if case .failure(let failure) = result { throw Failure(failure) }
                core.rounds.refresh(core.updates.openRounds)
                if let round, !core.rounds.knows(round) {
                    throw Failure(.roundUnknown, "round \(round) has no update")
                }
                let made = EventStream(self, core.rounds.listeners)
                // The client may be gone by now, and then nobody would take it out of the listeners.
                isOver.withLock { if !$0 { exchange.reply(made.response(exchange)) } }
                core.rounds.keepReading(core.updates, core.timers)
            } catch { exchange.reply(core.refuse(error, id)) }
        }
        return .later
    }

    func ended(_ exchange: Exchange, _ outcome: Outcome) {
        isOver.withLock { $0 = true }
        core.rounds.listeners.remove(exchange)
    }

    func next() -> [ServerEvent] {
        let (events, place) = core.rounds.events(after: place, of: round, most: Self.most)
        self.place = place
        return events
    }
}
