public import Aggregation
internal import Envelopes
public import EventLog
public import MicroHTTP
internal import Synchronization
public import Telemetry

/// What monitoring asks of an aggregator that has a process of its own: `/healthz`, `/readyz`, `/metrics`.
///
/// It answers from the start on, so that one sees an aggregator that waits for its log.
///
/// Thread: any.
public final class AggregatorMonitor: RequestRouter {
    private struct State {
        var aggregator: Aggregator?
        var isStopping = false
    }

    private let registry: MetricRegistry
    private let health: LogHealth
    private let state = Mutex(State())

    /// A monitor that does not ask the log yet.
    ///
    /// - Parameters:
    ///   - log: on whose topic of results the aggregator writes.
    ///   - registry: what `/metrics` shows.
    public init(_ log: any EventLog, registry: MetricRegistry) {
        self.registry = registry
        health = LogHealth(log, topic: TopicName.results)
        registry.gauge("fedgate_ready", "1 where /readyz would say yes.") { [self] in
            Readiness.response(checks).status == 200 ? 1 : 0
        }
    }

    /// Begins to ask the log; false when the system gives no thread.
    public func start() -> Bool { health.start() }

    /// Asks this aggregator, too, from now on.
    ///
    /// - Parameter aggregator: that runs.
    public func watch(_ aggregator: Aggregator) { state.withLock { $0.aggregator = aggregator } }

    /// Says not ready from now on.
    public func beginStopping() {
        state.withLock { $0.isStopping = true }
        health.beginStopping()
    }

    /// Ends what asks the log.
    ///
    /// Blocks.
    public func stop() { health.stop() }

    /// Answers what there is.
    public func accept(_ request: borrowing Request, _ exchange: Exchange) -> Acceptance {
        let id = RequestNote.take(request, exchange).id
        do throws(Failure) {
            return .reply(try answer(request))
        } catch {
            return .reply(Answers.problem(error, request: id))
        }
    }

    /// The body of what the server refuses by itself.
    public func response(to refusal: Refusal, _ exchange: Exchange) -> Response {
        Answers.problem(Failure(refusal), request: RequestNote.of(exchange).id)
    }

    /// Nothing is counted: only monitoring asks here.
    public func completed(_ exchange: Exchange, _ outcome: Outcome) {}

    private func answer(_ request: borrowing Request) throws(Failure) -> Response {
        let paths = ["/healthz", "/readyz", "/metrics"]
        guard paths.contains(request.path) else {
            throw Failure(.notFound, "an aggregator has \(paths.joined(separator: ", ")) only")
        }
        guard ["GET", "HEAD"].contains(request.method) else {
            var failure = Failure(.methodNotAllowed, "\(request.method) is not possible here")
            failure.headers = [("Allow", "GET, HEAD")]
            throw failure
        }
        return switch request.path {
        case "/healthz": OperatingRoutes.health
        case "/readyz": Readiness.response(checks)
        default: OperatingRoutes.metrics(registry, accept: request.header("Accept"))
        }
    }

    private var checks: [Readiness.Check] {
        let state = state.withLock { $0 }
        let problem = state.aggregator.map(\.problem) ?? "the log's topics are not prepared yet"
        return [
            Readiness.Check(name: "process", problem: state.isStopping ? "the aggregator is stopping" : nil, age: nil),
            Readiness.Check(name: "log_write", problem: health.problem, age: health.age),
            Readiness.Check(name: "aggregator", problem: problem, age: nil),
        ]
    }
}
