internal import MicroHTTP

/// An upload in one request.
///
/// Thread: the server calls it from one worker at a time. Unchecked for that reason.
final class Upload: ExchangeHandler, @unchecked Sendable {
    private let gateway: GatewayCore
    private let request: UploadRequest
    private let requestID: String
    private let pipeline: UploadPipeline

    init(_ gateway: GatewayCore, _ request: UploadRequest, _ requestID: String) throws(Failure) {
        self.gateway = gateway
        self.request = request
        self.requestID = requestID
        pipeline = try UploadPipeline(gateway, request)
    }

    func body(_ piece: UnsafeRawBufferPointer, _ exchange: Exchange) -> BodyVerdict {
        do throws(Failure) {
            return try pipeline.take(piece, exchange) ? .consumed : .wait
        } catch {
            // Those behind it must not wait for its place and its memory until its connection is closed.
            pipeline.end(exchange)
            return .reject(gateway.refuse(error, requestID))
        }
    }

    func end(_ exchange: Exchange) -> EndVerdict {
        do throws(Failure) {
            let finished = try pipeline.finish()
            UploadStorage(gateway, finished.request, finished) { [gateway, requestID] outcome in
                exchange.reply(outcome.response(gateway, requestID))
            }.store()
            return .later
        } catch {
            return .reply(gateway.refuse(error, requestID))
        }
    }

    func ended(_ exchange: Exchange, _ outcome: Outcome) { pipeline.end(exchange) }
}
