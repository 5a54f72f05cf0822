internal import Telemetry
internal import WireJSON
internal import WireTime

/// What the page shows, at one moment; bounded whatever clients and rounds there are.
enum StatusSnapshot {
    /// The newest rounds that are shown.
    private static let mostRounds = 24
    /// Client ids that are shown of a round.
    private static let mostNames = 24

    /// - Parameters:
    ///   - core: of the gateway.
    ///   - started: when it was, in seconds since 1970.
    static func json(_ core: GatewayCore, started: Double) -> [String: JSONValue] {
        let now = Timestamp.now()
        let checks = Readiness.problems(core)
        let traffic = core.metrics.requests.traffic
        let stored = core.store.all.values.count { !$0.isExpired }
        return [
            "version": .string(core.configuration.version), "now": .number(now), "uptime": .number(now - started),
            "ready": .bool(checks.allSatisfy { $0.1 == nil }),
            "checks": .object(Dictionary(checks.map { ($0.0, $0.1.map { .string($0) } ?? .null) }) { $1 }),
            "updates": integer(core.metrics.storedUpdates), "update_bytes": integer(core.metrics.storedBytes),
            "results": .integer(Int64(stored)), "in": integer(traffic.bytesIn), "out": integer(traffic.bytesOut),
            "in_flight": .integer(Int64(core.metrics.inFlight.value)),
            "uploads_waiting": .integer(Int64(core.admission.waiting)),
            "long_polls": .integer(Int64(core.store.watchers)),
            "memory": .integer(Int64(core.admission.lent)), "memory_limit": .integer(Int64(core.admission.limit)),
            "problems": .object(
                Dictionary(core.metrics.problems.map { ($0.rawValue, integer($1)) }) { $1 }),
            "rounds": .array(rounds(core)),
        ]
    }

    private static func rounds(_ core: GatewayCore) -> [JSONValue] {
        let closed = core.store.all
        let open = core.updates.openRounds.filter { closed[$0.key] == nil }
        // Open ones first, for there it is that something happens.
        let numbers = (open.keys.sorted(by: >) + closed.keys.sorted(by: >)).prefix(mostRounds)
        return numbers.map { number in
            var members: [String: JSONValue]
            if let round = open[number] {
                members = RoundRoutes.members(number, open: round, core.configuration, core.board)
            } else if let result = closed[number] {
                members = RoundRoutes.members(closed: result)
                members["result"] = nil
                members["size"] = .integer(Int64(result.size))
            } else {
                members = [:]
            }
            if case .array(let names)? = members["reported"] {
                members["reported"] = .array(Array(names.prefix(mostNames)))
                members["reported_count"] = .integer(Int64(names.count))
            }
            return .object(members)
        }
    }

    private static func integer(_ count: UInt64) -> JSONValue { .integer(Int64(clamping: count)) }
}
