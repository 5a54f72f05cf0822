internal import Aggregation
internal import MicroHTTP
internal import Telemetry
internal import WireJSON
internal import WireTime

/// `GET /rounds` and `GET /rounds/{n}`.
enum RoundRoutes {
    static func list(_ request: borrowing Request, _ call: Call) throws(Failure) -> Acceptance {
        let last = try RoundStream.last(request, Query(request, known: ["after"]))
        if EventStream.isWanted(request) { return .handle(RoundStream(call, round: nil, after: last)) }
        let core = call.core
        return .handle(
            RoundQuestion(core, call.id) { open in
                let closed = core.store.all
                let numbers = Set(closed.keys).union(open.keys).sorted()
                let rounds = numbers.map { number in
                    JSONValue.object([
                        "round_number": .integer(number), "state": .string(closed[number].map(state) ?? "open"),
                    ])
                }
                return Answers.json(["rounds": .array(rounds)])
            })
    }

    static func round(_ request: borrowing Request, _ call: Call) throws(Failure) -> Acceptance {
        let last = try RoundStream.last(request, Query(request, known: ["after"]))
        let number = try WholeNumber.round(call.parameters["round"] ?? "")
        if EventStream.isWanted(request) { return .handle(RoundStream(call, round: number, after: last)) }
        let (core, id) = (call.core, call.id)
        if let result = core.store[number] { return .reply(Answers.json(members(closed: result))) }
        return .handle(
            RoundQuestion(core, id) { rounds in
                if let result = core.store[number] { return Answers.json(members(closed: result)) }
                guard let open = rounds[number] else {
                    return core.refuse(Failure(.roundUnknown, "round \(number) has no update"), id)
                }
                return Answers.json(members(number, open: open, core.configuration, core.board))
            })
    }

    private static func state(_ result: StoredResult) -> String { result.isExpired ? "expired" : "closed" }

    static func members(closed result: StoredResult) -> [String: JSONValue] {
        [
            "round_number": .integer(result.round), "state": .string(state(result)),
            "reported": .array(result.counted.keys.sorted().map { .string($0) }), "missing": .integer(0),
            "deadline": .null, "closed_at": .string(Timestamp.text(result.timestamp)),
            "result": .object([
                "digest": .string(result.digest), "size": .integer(Int64(result.size)),
                "message_id": .string(result.messageID),
            ]),
        ]
    }

    static func members(
        _ number: Int64, open round: UpdateIndex.Round, _ configuration: GatewayConfiguration, _ board: RoundBoard
    ) -> [String: JSONValue] {
        let missing = max(0, configuration.minUpdates - round.clients.count)
        let deadline = configuration.roundDeadline.map { JSONValue.string(Timestamp.text(round.firstTimestamp + $0)) }
        // Known where the active aggregator runs in this process.
        let aggregated = board.aggregated(of: number).map { JSONValue.number($0) }
        return [
            "round_number": .integer(number), "state": .string("open"), "aggregated": aggregated ?? .null,
            "reported": .array(round.clients.keys.sorted().map { .string($0) }), "missing": .integer(Int64(missing)),
            "deadline": deadline ?? .null,
        ]
    }
}

/// A request whose answer needs the updates on the log.
private final class RoundQuestion: ExchangeHandler {
    private let core: GatewayCore
    private let id: String
    private let answer: @Sendable ([Int64: UpdateIndex.Round]) -> Response

    init(
        _ core: GatewayCore, _ id: String, _ answer: @escaping @Sendable ([Int64: UpdateIndex.Round]) -> Response
    ) {
        self.core = core
        self.id = id
        self.answer = answer
    }

    func body(_ piece: UnsafeRawBufferPointer, _ exchange: Exchange) -> BodyVerdict { .consumed }

    func end(_ exchange: Exchange) -> EndVerdict {
        core.updates.catchUp { [core, id, answer] result in
            switch result {
            case .success: exchange.reply(answer(core.updates.openRounds))
            case .failure(let failure): exchange.reply(core.refuse(Failure(failure), id))
            }
        }
        return .later
    }

    func ended(_ exchange: Exchange, _ outcome: Outcome) {}
}
