public import MicroHTTP

/// The router of the private listener: everything that the public one has, and what operators look at without a token.
public final class PrivateRouter: RequestRouter {
    private let gateway: Gateway

    /// A router for a second listener of a gateway.
    ///
    /// - Parameter gateway: that answers.
    public init(_ gateway: Gateway) { self.gateway = gateway }

    /// Gives a request to its operation.
    public func accept(_ request: borrowing Request, _ exchange: Exchange) -> Acceptance {
        gateway.accept(request, exchange, isPrivate: true)
    }

    /// The body of what the server refuses by itself.
    public func response(to refusal: Refusal, _ exchange: Exchange) -> Response {
        gateway.response(to: refusal, exchange)
    }

    /// Counts a request that is over.
    public func completed(_ exchange: Exchange, _ outcome: Outcome) { gateway.completed(exchange, outcome) }
}
