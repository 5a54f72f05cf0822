internal import Credentials
internal import Envelopes
internal import MicroHTTP

/// What an operation gets beside the request.
struct Call {
    let core: GatewayCore
    /// What the request's head asks for.
    let errand: Errand
    /// The request's id, as errors and the log name it.
    let id: String
    /// Who calls.
    let caller: Caller

    /// What the path's places held, percent-decoded.
    var parameters: PathParameters { errand.parameters }
}

/// What the places of a route's pattern hold in a path: one or two, so that looking through them is the fastest.
struct PathParameters: Sendable {
    let items: [(name: String, value: String)]

    subscript(name: String) -> String? { items.first { $0.name == name }?.value }
}

/// One line of the table of routes; openapi/openapi.yaml has the same ones.
struct Route: Sendable {
    typealias Operation = @Sendable (borrowing Request, Call) throws(Failure) -> Acceptance

    let method: String
    /// As in OpenAPI, with places in braces; the label of the route's metrics, too.
    let pattern: String
    let access: Access
    let operation: Operation
    private let segments: [Segment]

    private enum Segment {
        case text(String)
        case place(String)
    }

    init(_ method: String, _ pattern: String, _ access: Access, _ operation: @escaping Operation) {
        self.access = access
        self.method = method
        self.pattern = pattern
        self.operation = operation
        segments = pattern.split(separator: "/").map { part in
            part.hasPrefix("{") ? .place(String(part.dropFirst().dropLast())) : .text(String(part))
        }
    }

    /// Whether the path is one of this route's.
    func matches(_ path: [String]) -> Bool {
        guard path.count == segments.count else { return false }
        for index in segments.indices {
            switch segments[index] {
            case .text(let text): guard path[index] == text else { return false }
            case .place: guard !path[index].isEmpty else { return false }
            }
        }
        return true
    }

    /// The route's places as a path that it matches fills them.
    func parameters(in path: [String]) -> PathParameters {
        PathParameters(
            items: zip(segments, path).compactMap { segment, part in
                if case .place(let name) = segment { (name, part) } else { nil }
            })
    }

    /// All routes; a path is given to the first that it matches.
    ///
    /// GET answers HEAD too.
    static let all: [Route] = [
        Route("PUT", "/rounds/{round}/updates/{client_id}", .scoped(.upload), UploadRoutes.put),
        Route("POST", "/rounds/{round}/updates", .scoped(.upload), UploadRoutes.post),
        Route("GET", "/uploads/{upload_id}", .scoped(.upload), PartialUploadRoutes.get),
        Route("PATCH", "/uploads/{upload_id}", .scoped(.upload), PartialUploadRoutes.patch),
        Route("DELETE", "/uploads/{upload_id}", .scoped(.upload), PartialUploadRoutes.delete),
        Route("GET", "/rounds/latest/result", .scoped(.read), ResultRoutes.latest),
        Route("GET", "/rounds/{round}/result", .scoped(.read), ResultRoutes.result),
        Route("GET", "/rounds", .scoped(.read), RoundRoutes.list),
        Route("GET", "/rounds/{round}", .scoped(.read), RoundRoutes.round),
        Route("POST", "/commands", .scoped(.command), CommandRoutes.post),
        Route("GET", "/commands", .scoped(.read), CommandRoutes.list),
        Route("GET", "/clients", .operators, ClientRoutes.list),
        Route("PUT", "/clients/{client_id}", .scoped(.upload), ClientRoutes.register),
        Route("GET", "/clients/{client_id}", .scoped(.read), ClientRoutes.one),
        Route("POST", "/clients/{client_id}/status", .scoped(.upload), ClientRoutes.post(.statusUpdate)),
        Route("GET", "/clients/{client_id}/status", .scoped(.read), ClientRoutes.reports(.statusUpdate)),
        Route("POST", "/clients/{client_id}/health", .scoped(.upload), ClientRoutes.post(.healthCheck)),
        Route("GET", "/clients/{client_id}/health", .scoped(.read), ClientRoutes.reports(.healthCheck)),
        Route("POST", "/clients/{client_id}/errors", .scoped(.upload), ClientRoutes.post(.errorReport)),
        Route("GET", "/clients/{client_id}/errors", .scoped(.read), ClientRoutes.reports(.errorReport)),
        Route("GET", "/healthz", .open, OperatingRoutes.healthz),
        Route("GET", "/readyz", .open, OperatingRoutes.readyz),
        Route("GET", "/metrics", .operators, OperatingRoutes.metrics),
        Route("GET", "/profile", .operators, OperatingRoutes.profile),
        Route("GET", "/openapi.yaml", .open, OperatingRoutes.openAPI),
        Route("GET", "/problems/{name}", .open, OperatingRoutes.problem),
        Route("GET", "/status", .operators, StatusRoutes.status),
        Route("GET", "/status/{name}", .open, StatusRoutes.file),
        Route("GET", "/", .open, StatusRoutes.index),
    ]
}
