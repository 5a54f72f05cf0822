internal import CMicrohttpd
internal import Glibc
internal import Synchronization

/// What a worker of the library does with an exchange, call by call.
///
/// The library calls the handler once with the headers, then with each piece of the body, then once without any; and
/// again after each resume.
///
/// Thread: the worker of the exchange's connection.
struct Worker {
    let server: ServerCore
    let exchange: Exchange
    let connection: OpaquePointer

    func begin(method: String, version: String) -> MHD_Result {
        exchange.method = method
        let framing = Framing(connection, version: version)
        exchange.framing = framing
        if let refusal = framing.refusal {
            var response = server.router.response(to: refusal)
            response.closes = true
            return queue(response)
        }
        let request = Request(method: method, target: exchange.target, framing: framing, connection: connection)
        let hasBody = request.hasBody
        exchange.phase.store(.body, ordering: .relaxed)
        switch server.router.accept(request, exchange) {
        case .handle(let handler):
            exchange.handler = handler
        case .reply(let response):
            // Without a body the answer follows in the second call: one in the first would end the connection.
            if hasBody { return decline(response, framing) }
            exchange.reply(response)
        }
        return .YES
    }

    /// Answers without wanting the body: at once when the client waits for `100 Continue`, else when its body begins,
    /// so that the unread rest does not reset the connection under the answer.
    private func decline(_ response: Response, _ framing: Framing) -> MHD_Result {
        if framing.expectsContinue { return queue(response) }
        exchange.handler = Declined(response)
        return .YES
    }

    func take(_ piece: UnsafeRawBufferPointer, _ left: UnsafeMutablePointer<Int>) -> MHD_Result {
        if let drain = exchange.drain { return drop(piece.count, drain, left) }
        while true {
            // An answer from elsewhere: the time is over, or the server stops.
            if let response = exchange.takeReply() { return reject(response, piece.count, left) }
            guard let handler = exchange.handler else { return .NO }
            switch handler.body(piece, exchange) {
            case .consumed:
                exchange.bytesIn.wrappingAdd(UInt64(piece.count), ordering: .relaxed)
                left.pointee = 0
                return .YES
            case .wait:
                if server.isDraining { exchange.reply(server.router.response(to: .stopping)) }
                if exchange.suspend() { return .YES }
            case .reject(let response):
                guard exchange.claim() else { continue }
                return reject(response, piece.count, left)
            }
        }
    }

    func end() -> MHD_Result {
        if exchange.phase.exchange(.answer, ordering: .relaxed) != .answer, exchange.drain == nil,
            let handler = exchange.handler
        {
            switch handler.end(exchange) {
            case .reply(let response): exchange.reply(response)
            case .later: break
            }
        }
        while true {
            if let response = exchange.takeReply() { return queue(response) }
            if server.isDraining { exchange.reply(server.router.response(to: .stopping)) }
            if exchange.suspend() { return .YES }
            if !exchange.isOpen { return .NO }
        }
    }

    /// A short rest is read and the answer sent as usual; before a long one it is sent past the library, which takes
    /// none in the middle of a body.
    private func reject(_ response: Response, _ count: Int, _ left: UnsafeMutablePointer<Int>) -> MHD_Result {
        let read = exchange.bytesIn.wrappingAdd(UInt64(count), ordering: .relaxed).newValue
        left.pointee = 0
        if let length = exchange.framing?.contentLength,
            length - min(read, length) <= UInt64(server.configuration.smallRest)
        {
            exchange.drain = .untilEnd
            exchange.replace(response)
            return .YES
        }
        exchange.status.store(response.status, ordering: .relaxed)
        exchange.record.send(RawResponse.bytes(response))
        exchange.record.endSending()
        exchange.drain = .bounded(server.configuration.maxDiscard)
        return .YES
    }

    private func drop(_ count: Int, _ drain: Exchange.Drain, _ left: UnsafeMutablePointer<Int>) -> MHD_Result {
        exchange.bytesIn.wrappingAdd(UInt64(count), ordering: .relaxed)
        left.pointee = 0
        guard case .bounded(let bytes) = drain else { return .YES }
        exchange.drain = .bounded(bytes - count)
        return bytes > count ? .YES : .NO
    }

    private func queue(_ response: Response) -> MHD_Result {
        if case .bounded = exchange.drain { return .NO }
        guard let handle = makeResponse(response) else { return .NO }
        defer { MHD_destroy_response(handle) }
        for (name, value) in response.headers { _ = MHD_add_response_header(handle, name, value) }
        if response.closes || server.isDraining { _ = MHD_add_response_header(handle, "Connection", "close") }
        exchange.status.store(response.status, ordering: .relaxed)
        return MHD_queue_response(connection, UInt32(response.status), handle)
    }

    private func makeResponse(_ response: Response) -> OpaquePointer? {
        switch response.body {
        case .empty: return MHD_create_response_from_buffer(0, nil, .RESPMEM_PERSISTENT)
        case .bytes(let bytes):
            return bytes.withUnsafeBytes { bytes in
                // The library copies; it takes a mutable pointer for the cases in which it does not.
                MHD_create_response_from_buffer(
                    bytes.count, UnsafeMutableRawPointer(mutating: bytes.baseAddress), .RESPMEM_MUST_COPY)
            }
        case .file(let slice):
            let descriptor = open(slice.path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { return nil }
            let made = MHD_create_response_from_fd_at_offset64(UInt64(slice.count), descriptor, UInt64(slice.offset))
            if made == nil { close(descriptor) }
            return made
        }
    }
}

/// Answers when the body begins.
private final class Declined: ExchangeHandler {
    private let response: Response

    init(_ response: Response) { self.response = response }

    func body(_ piece: UnsafeRawBufferPointer, _ exchange: Exchange) -> BodyVerdict { .reject(response) }

    func end(_ exchange: Exchange) -> EndVerdict { .reply(response) }

    func ended(_ exchange: Exchange, _ outcome: Outcome) {}
}

extension Refusal {
    static let stopping = Refusal(status: 503, reason: "the server is stopping")
    static let tooSlow = Refusal(status: 408, reason: "the request came too slowly")
}
