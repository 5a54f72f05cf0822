internal import MicroHTTP
internal import Telemetry
internal import WireJSON

/// Whether requests should be sent here, check by check.
enum Readiness {
    struct Check {
        let name: String
        /// Nil when it passes.
        let problem: String?
        let age: Double?
    }

    static func response(_ core: GatewayCore) -> Response { response(checks(core)) }

    /// 200 when all checks pass; else 503 with the reason of the first that does not.
    static func response(_ checks: [Check]) -> Response {
        let failed = checks.first { $0.problem != nil }
        var members: [String: JSONValue] = ["status": .string(failed == nil ? "ready" : "not ready")]
        if let reason = failed?.problem { members["reason"] = .string(reason) }
        members["checks"] = .object(Dictionary(checks.map { ($0.name, json($0)) }) { $1 })
        return Answers.json(
            members, status: failed == nil ? 200 : 503, headers: failed == nil ? [] : [("Retry-After", "1")])
    }

    /// All checks by name, with why one does not pass.
    static func problems(_ core: GatewayCore) -> [(String, String?)] { checks(core).map { ($0.name, $0.problem) } }

    private static func checks(_ core: GatewayCore) -> [Check] {
        let evidence = core.follower.evidence
        let age = evidence.lastSuccess.map { ContinuousClock.now - $0 }
        let isRecent = age.map { $0 < LogHealth.patience } ?? false
        return [
            Check(name: "process", problem: core.isStopping ? "the gateway is stopping" : nil, age: nil),
            Check(name: "log_write", problem: core.health.problem, age: core.health.age),
            Check(name: "log_read", problem: isRecent ? nil : evidence.problem, age: age?.inSeconds),
            Check(
                name: "results", problem: evidence.isCaughtUp ? nil : "results are still being copied from the log",
                age: nil),
            Check(
                name: "messages", problem: core.relay.isCaughtUp ? nil : "messages are still being read from the log",
                age: nil),
        ]
    }

    private static func json(_ check: Check) -> JSONValue {
        var members: [String: JSONValue] = ["ok": .bool(check.problem == nil)]
        if let problem = check.problem { members["reason"] = .string(problem) }
        if let age = check.age { members["age_seconds"] = .number((age * 1000).rounded() / 1000) }
        return .object(members)
    }
}
