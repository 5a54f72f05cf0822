internal import MicroHTTP

/// Somebody who waits for a result.
///
/// Thread: any; nothing here may block.
protocol ResultWatcher: AnyObject, Sendable {
    /// A result has come, on the follower's thread; true when it was what is waited for.
    func arrived(_ arrival: Arrival) -> Bool

    /// Nothing is going to come.
    func giveUp()
}

/// A result that has just come, and the answers to those who waited for it, made once for all who asked the same.
///
/// Thread: the follower's.
final class Arrival {
    /// Different answers that are kept; thousands of waiting clients ask alike.
    private static let most = 16

    let result: StoredResult
    private var answers: [(request: ResultRequest, response: Response)] = []

    init(_ result: StoredResult) { self.result = result }

    /// Answers a client that waited, at once or when the result is there in the format that it wants.
    func send(_ core: GatewayCore, _ request: ResultRequest, _ id: String, to exchange: Exchange) {
        if let known = answers.first(where: { $0.request == request }) { return exchange.reply(known.response) }
        guard var response = ResultRoutes.response(core, request, result, id) else {
            return ResultRoutes.send(core, request, result, id, to: exchange)
        }
        // What refuses names the request.
        if response.status < 400, answers.count < Self.most {
            response.shared = SharedResponse()
            answers.append((request, response))
        }
        exchange.reply(response)
    }
}
