public import Aggregation
internal import Envelopes
public import EventLog
public import MicroHTTP
public import Telemetry
internal import Threads

/// Why the gateway cannot start.
public struct GatewayFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// For a person.
    public let description: String
}

/// The HTTP surface over a log: takes updates, keeps results, answers questions (http-api.md).
///
/// Thread: any.
public final class Gateway: RequestRouter {
    private let core: GatewayCore

    /// A gateway that does not follow the log yet.
    ///
    /// - Parameters:
    ///   - configuration: how it works.
    ///   - log: its topics are prepared.
    ///   - board: of the aggregator in this process, if there is one.
    ///   - registry: gets its metrics.
    ///   - logger: gets its events.
    public init(
        _ configuration: GatewayConfiguration, log: any EventLog, board: RoundBoard = RoundBoard(),
        registry: MetricRegistry, logger: Logger
    ) throws(GatewayFailure) {
        guard let timers = TimerQueue(name: "timers") else { throw GatewayFailure(description: "no thread for timers") }
        do {
            let store = try ResultStore(
                configuration.directory,
                Retention(rounds: configuration.keepRounds, bytes: configuration.keepBytes))
            let limits = PartialUploads.Limits(
                maxBytes: configuration.unfinished.maxBytes, maxAge: configuration.uploadExpiry)
            let partials = try PartialUploads(configuration.directory + "-uploads", limits, logger)
            core = GatewayCore(configuration, log, store, partials, board, timers, registry, logger)
        } catch {
            timers.stop()
            throw GatewayFailure(description: String(describing: error))
        }
        registerGauges(registry)
    }

    /// Begins to follow the log; false when the system gives no thread.
    public func start() -> Bool {
        guard core.health.start(), core.follower.start(), core.copies.start(), core.forms.start(), core.relay.start()
        else { return false }
        // So that the first upload does not have to wait for it; a log that is away now is asked again then.
        core.updates.catchUp { _ in }
        core.partials.keepExpiring(core.timers)
        core.keepBeating()
        return true
    }

    /// Says not ready from now on; requests are still answered.
    public func beginStopping() {
        core.beginStopping()
        // A log that is away keeps it waiting; that time is better spent while requests are finished.
        core.follower.beginStopping()
        core.relay.beginStopping()
        core.relay.commandListeners.wake()
        core.health.beginStopping()
    }

    /// Ends what runs in the background.
    ///
    /// Blocks.
    ///
    /// The server is stopped before, and the log closed after.
    public func stop() {
        core.beginStopping()
        core.health.stop()
        core.follower.stop()
        core.relay.stop()
        core.copies.stop()
        core.forms.stop()
        core.updates.stop()
        core.replay.stop()
        core.timers.stop()
    }

    /// Gives a request to its operation.
    public func accept(_ request: borrowing Request, _ exchange: Exchange) -> Acceptance {
        accept(request, exchange, isPrivate: false)
    }

    func accept(_ request: borrowing Request, _ exchange: Exchange, isPrivate: Bool) -> Acceptance {
        core.metrics.inFlight.add(1)
        let note = RequestNote.take(request, exchange)
        let id = note.id
        exchange.addHeaders(core.crossOrigin.headers(request))
        if let answer = core.crossOrigin.preflight(request) { return .reply(answer) }
        do throws(Failure) {
            return try route(request, note, exchange, isPrivate)
        } catch {
            return .reply(core.refuse(error, id))
        }
    }

    /// The body of what the server refuses by itself.
    public func response(to refusal: Refusal, _ exchange: Exchange) -> Response {
        core.refuse(Failure(refusal), RequestNote.of(exchange).id)
    }

    /// Counts a request that is over.
    public func completed(_ exchange: Exchange, _ outcome: Outcome) {
        let status = if case .answered(let status) = outcome { status } else { 499 }
        let summary = exchange.summary
        let key = RequestTable.Key(route: summary.label, isHead: summary.method == "HEAD", status: status)
        core.metrics.requests.count(
            key, after: summary.duration, bytesIn: summary.bytesIn, bytesOut: summary.bytesOut)
        let note = summary.note as? RequestNote
        if note?.isInFlight == true { core.metrics.inFlight.add(-1) }
        if let charged = note?.charged {
            core.door.settle(charged.account, announced: charged.bytes, received: summary.bytesIn)
        }
        if core.configuration.accessLog {
            AccessLine.write(exchange, summary, outcome, status: status, to: core.logger)
        }
    }

    private func route(
        _ request: borrowing Request, _ note: RequestNote, _ exchange: Exchange, _ isPrivate: Bool
    ) throws(Failure) -> Acceptance {
        // What runs may finish; what would begin now is better sent to another gateway.
        if core.isStopping, ["PUT", "POST", "PATCH"].contains(request.method) {
            throw Failure(.stopping, "the gateway is stopping; another one takes this")
        }
        let errand = try Errand.of(request)
        exchange.label = errand.label
        let caller = try core.door.admit(
            request, errand.route.access, clientID: errand.parameters["client_id"], isPrivate: isPrivate)
        note.admitted(caller, announced: request.contentLength ?? 0)
        return try errand.route.operation(request, Call(core: core, errand: errand, id: note.id, caller: caller))
    }

    private func registerGauges(_ registry: MetricRegistry) {
        let core = core
        registry.gauge("fedgate_ready", "1 where /readyz would say yes.") {
            Readiness.response(core).status == 200 ? 1 : 0
        }
        registry.gauge("fedgate_payload_memory_bytes", "Payload memory in use.") { Double(core.admission.lent) }
        registry.gauge("fedgate_payload_memory_limit_bytes", "Payload memory that may be used.") {
            Double(core.admission.limit)
        }
        registry.gauge("fedgate_uploads_waiting", "Uploads that wait for memory.") { Double(core.admission.waiting) }
        registry.gauge("fedgate_partial_uploads", "Uploads in parts that are kept.") { Double(core.partials.count) }
        registry.gauge("fedgate_partial_upload_bytes", "Bytes of them on disk.") { Double(core.partials.bytes) }
        registry.gauge("fedgate_long_polls", "Requests that wait for a result.") { Double(core.store.watchers) }
        registry.gauge("fedgate_round_listeners", "Event streams of rounds.") { Double(core.rounds.listeners.count) }
        registry.gauge("fedgate_results_stored", "Results in the spool.") {
            Double(core.store.all.values.count { !$0.isExpired })
        }
        registry.gauge("fedgate_result_bytes", "Bytes of the results in the spool, without their copies.") {
            Double(core.store.all.values.reduce(0) { $0 + ($1.isExpired ? 0 : $1.size) })
        }
        registry.gauge("fedgate_latest_round", "Number of the latest round with a result; -1 before the first.") {
            Double(core.store.latest?.round ?? -1)
        }
        registry.gauge("fedgate_latest_result_time_seconds", "When its result was published, since 1970; 0 before.") {
            core.store.latest?.timestamp ?? 0
        }
    }
}
