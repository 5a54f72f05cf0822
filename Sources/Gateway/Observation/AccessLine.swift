internal import EventLog
internal import MicroHTTP
internal import Telemetry

/// The one line that each request gets in the log.
///
/// No query and no header stands in it: either may hold a secret.
enum AccessLine {
    /// More of a path than any route has.
    private static let longestPath = 1024
    /// Places in the table of routes.
    private static let probes = Route.all.indices.filter {
        ["/healthz", "/readyz", "/metrics"].contains(Route.all[$0].pattern)
    }

    static func write(
        _ exchange: Exchange, _ outcome: Outcome, status: Int, after duration: Duration, to logger: Logger
    ) {
        let level = level(exchange, status)
        guard logger.admits(level) else { return }
        let note = RequestNote.of(exchange)
        let route = exchange.label.map { Route.all[$0].pattern } ?? "none"
        let path = exchange.path.utf8.count <= longestPath ? exchange.path : String(exchange.path.prefix(longestPath))
        var fields: [(String, LogValue)] = [
            ("request_id", .text(note.id)), ("method", .text(exchange.method)), ("route", .text(route)),
            ("path", .text(path)), ("status", .integer(Int64(status))),
            ("bytes_in", .integer(Int64(clamping: exchange.bytesIn))),
            ("bytes_out", .integer(Int64(exchange.bytesOut))), ("duration_seconds", .number(rounded(duration))),
            ("remote", .text(exchange.remoteAddress)),
        ]
        switch exchange.about as? AnswerNote {
        case .stored(let receipt, let isRepeat):
            fields.append(("outcome", .text(isRepeat ? "repeated" : "stored")))
            fields.append(("message_id", .text(receipt.messageID)))
            fields.append(("topic", .text(receipt.position.topic)))
            fields.append(("partition", .integer(Int64(receipt.position.partition))))
            fields.append(("offset", .integer(receipt.position.offset)))
        case .problem(let kind): fields.append(("outcome", .text(kind.rawValue)))
        case nil: break
        }
        switch outcome {
        case .answered: break
        case .aborted: fields.append(("ended", .text("aborted")))
        case .timedOut: fields.append(("ended", .text("timed-out")))
        case .malformed: fields.append(("ended", .text("malformed")))
        case .stopped: fields.append(("ended", .text("stopped")))
        }
        if let token = note.tokenID { fields.append(("token_id", .text(token))) }
        if let trace = note.trace {
            fields.append(("trace_id", .text(trace.traceID)))
            fields.append(("parent_id", .text(trace.parentID)))
        }
        logger.event(level, "request", fields)
    }

    /// What probes ask every few seconds is of interest when the answer is no.
    private static func level(_ exchange: Exchange, _ status: Int) -> Logger.Level {
        guard status < 400, let label = exchange.label else { return .info }
        return probes.contains(label) ? .debug : .info
    }

    /// Microseconds are enough.
    private static func rounded(_ duration: Duration) -> Double { (duration.inSeconds * 1e6).rounded() / 1e6 }
}
