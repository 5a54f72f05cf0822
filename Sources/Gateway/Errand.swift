internal import MicroHTTP
internal import Synchronization

/// What a request's head asks for, as far as nothing but the head decides: its route, and what the path's places hold.
///
/// It is kept with the head, so that a client which asks the same again on its connection costs no search. Who may ask,
/// and what is answered, is found out anew each time.
///
/// Thread: any.
final class Errand: Sendable {
    let route: Route
    /// The route's place in the table.
    let label: Int
    let parameters: PathParameters
    private let kept = Mutex<(any AnyObject & Sendable)?>(nil)

    private init(_ label: Int, _ path: [String]) {
        self.label = label
        route = Route.all[label]
        parameters = route.parameters(in: path)
    }

    /// What the route's operation wants to remember of the head.
    var memo: (any AnyObject & Sendable)? {
        get { kept.withLock { $0 } }
        set { kept.withLock { $0 = newValue } }
    }

    /// The errand of a request.
    ///
    /// - Throws: 400, 404 or 405.
    static func of(_ request: borrowing Request) throws(Failure) -> Errand {
        if let known = request.memo as? Errand { return known }
        let errand = try find(request)
        request.memo = errand
        return errand
    }

    private static func find(_ request: borrowing Request) throws(Failure) -> Errand {
        var path: [String] = []
        path.reserveCapacity(4)
        // An empty part is a part: /rounds/ is not /rounds.
        let parts = request.path == "/" ? [] : request.path.dropFirst().pieces(at: UInt8(ascii: "/"))
        for part in parts {
            guard let decoded = PercentCoding.decode(part) else {
                throw Failure(.badRequest, "the path is not percent-encoded UTF-8")
            }
            path.append(decoded)
        }
        let method = request.method == "HEAD" ? "GET" : request.method
        var allowed: [String] = []
        for (index, route) in Route.all.enumerated() where route.matches(path) {
            if route.method == method { return Errand(index, path) }
            allowed += route.method == "GET" ? ["GET", "HEAD"] : [route.method]
        }
        guard allowed.isEmpty else {
            var failure = Failure(.methodNotAllowed, "\(request.method) is not possible here")
            failure.headers = [("Allow", allowed.joined(separator: ", "))]
            throw failure
        }
        throw Failure(.notFound, "there is nothing at this path")
    }
}
