internal import MicroHTTP
internal import Telemetry
internal import WireJSON

/// What monitoring and people ask.
enum OperatingRoutes {
    /// The process answers, whatever the log does.
    static func healthz(_ request: borrowing Request, _ call: Call) -> Acceptance {
        .reply(health)
    }

    static var health: Response { Answers.json(["status": .string("ok")]) }

    /// Whether requests should be sent here: recent evidence from the log, and the results of before are here.
    static func readyz(_ request: borrowing Request, _ call: Call) -> Acceptance {
        .reply(Readiness.response(call.core))
    }

    /// Prometheus text, or OpenMetrics where `Accept` prefers it.
    static func metrics(_ request: borrowing Request, _ call: Call) -> Acceptance {
        .reply(metrics(call.core.metrics.registry, accept: request.header("Accept")))
    }

    static func metrics(_ registry: MetricRegistry, accept: String?) -> Response {
        let format = Exposition(accept: accept)
        var response = Answers.text(registry.render(format), type: format.mediaType)
        response.headers.append(("Vary", "Accept"))
        return response
    }

    /// What the work on weights costs, by operation.
    static func profile(_ request: borrowing Request, _ call: Call) -> Acceptance {
        .reply(Answers.json(ProfileReport.json(call.core.profile.profiler)))
    }

    static func openAPI(_ request: borrowing Request, _ call: Call) -> Acceptance {
        .reply(Answers.text(OpenAPIDocument.bytes, type: "application/yaml"))
    }

    /// What a problem's `type` leads to.
    static func problem(_ request: borrowing Request, _ call: Call) throws(Failure) -> Acceptance {
        let name = call.parameters["name"] ?? ""
        guard let kind = FailureKind(rawValue: name) else {
            throw Failure(.notFound, "there is no problem called \"\(name)\"")
        }
        let row = kind.row
        return .reply(
            Answers.json([
                "type": .string("/problems/" + name), "title": .string(row.title),
                "status": .integer(Int64(row.status)), "retriable": .bool(row.retriable),
                "explanation": .string(row.explanation),
            ]))
    }
}
