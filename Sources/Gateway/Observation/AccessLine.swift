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
        _ exchange: Exchange, _ summary: Exchange.Summary, _ outcome: Outcome, status: Int, to logger: Logger
    ) {
        let level = level(summary, status)
        guard logger.admits(level) else { return }
        let note = RequestNote.of(exchange)
        let route = summary.label.map { Route.all[$0].pattern } ?? "none"
        let path = exchange.path.utf8.count <= longestPath ? exchange.path : String(exchange.path.prefix(longestPath))
        logger.event(level, "request") { line in
            line.text("request_id", note.id)
            line.text("method", summary.method)
            line.text("route", route)
            line.text("path", path)
            line.integer("status", Int64(status))
            line.integer("bytes_in", Int64(clamping: summary.bytesIn))
            line.integer("bytes_out", Int64(summary.bytesOut))
            line.number("duration_seconds", rounded(summary.duration))
            line.text("remote", exchange.remoteAddress)
            append((summary.about as? AnswerNote)?.kind, to: &line)
            if let ended = ended(outcome) { line.text("ended", ended) }
            if let token = note.tokenID { line.text("token_id", token) }
            if let trace = note.trace {
                line.text("trace_id", trace.traceID)
                line.text("parent_id", trace.parentID)
            }
        }
    }

    private static func append(_ about: AnswerNote.Kind?, to line: inout LogLine) {
        switch about {
        case .stored(let receipt, let isRepeat):
            line.text("outcome", isRepeat ? "repeated" : "stored")
            line.text("message_id", receipt.messageID)
            line.text("topic", receipt.position.topic)
            line.integer("partition", Int64(receipt.position.partition))
            line.integer("offset", receipt.position.offset)
        case .problem(let kind): line.text("outcome", kind.rawValue)
        case nil: break
        }
    }

    /// How it ended when not with an answer.
    private static func ended(_ outcome: Outcome) -> String? {
        switch outcome {
        case .answered: nil
        case .aborted: "aborted"
        case .timedOut: "timed-out"
        case .malformed: "malformed"
        case .stopped: "stopped"
        }
    }

    /// What probes ask every few seconds is of interest when the answer is no.
    private static func level(_ summary: Exchange.Summary, _ status: Int) -> Logger.Level {
        guard status < 400, let label = summary.label else { return .info }
        return probes.contains(label) ? .debug : .info
    }

    /// Microseconds are enough.
    private static func rounded(_ duration: Duration) -> Double { (duration.inSeconds * 1e6).rounded() / 1e6 }
}
