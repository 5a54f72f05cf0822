internal import EventLog
internal import Telemetry

/// How the traces of a round's updates go on in its result.
///
/// One update's trace goes on as it is. Several cannot all be the parent of one result: it begins a trace of its own, and the
/// log's line links it to theirs.
struct RoundTrace {
    /// More links than that are cut off; a line of a log has its bounds.
    private static let mostLinks = 32

    /// What the result's record bears; nil where no update had any.
    let result: TraceContext?
    private let links: [TraceContext]

    /// - Parameter updates: of those updates that have one.
    init(_ updates: [TraceContext]) {
        var seen: Set<String> = []
        let distinct = updates.filter { seen.insert($0.traceID).inserted }
        links = distinct.count > 1 ? distinct : []
        result = distinct.count > 1 ? TraceContext(isSampled: distinct.contains(where: \.isSampled)) : distinct.first
    }

    /// For the line that says that the round is closed.
    var fields: [(String, String)] {
        guard let result else { return [] }
        let shown = links.prefix(Self.mostLinks).map { "\($0.traceID)-\($0.parentID)" }.joined(separator: ",")
        return [("trace_id", result.traceID)]
            + (links.isEmpty ? [] : [("trace_links", shown), ("trace_links_count", String(links.count))])
    }

    /// As a record bears it.
    static func headers(_ trace: TraceContext) -> [RecordHeader] {
        let state = trace.tracestate.map { [RecordHeader("tracestate", Array($0.utf8))] } ?? []
        return [RecordHeader("traceparent", Array(trace.traceparent.utf8))] + state
    }

    /// What a record of an update bears.
    static func context(_ headers: [RecordHeader]) -> TraceContext? {
        func value(_ name: String) -> String? {
            headers.first { $0.name == name }.flatMap { String(validating: $0.value, as: UTF8.self) }
        }
        return TraceContext(traceparent: value("traceparent"), tracestate: value("tracestate"))
    }
}
