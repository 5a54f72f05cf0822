internal import CMicrohttpd
internal import Glibc
internal import Synchronization

/// What libmicrohttpd makes of an answer that many exchanges get, such as all that waited for the same thing.
///
/// To make a response costs more than to send it, most of it for its header lines. So each worker makes one, and changes in it only
/// what an exchange's answer has for itself. The library writes the lines into the connection's buffer as soon as the
/// handler, which queues the answer, returns; so no other exchange of that worker comes in between.
///
/// Thread: any worker.
public final class SharedResponse: Sendable {
    private struct Made {
        let response: OpaquePointer
        /// Lines that are the exchange's.
        var own: [(String, String)] = []

        /// Has it bear these lines in place of those that the exchange before had.
        mutating func replace(_ lines: [(String, String)]) {
            for (name, value) in own where !lines.contains(where: { $0 == (name, value) }) {
                MHD_del_response_header(response, name, value)
            }
            for (name, value) in lines where !own.contains(where: { $0 == (name, value) }) {
                guard HeaderRules.isSendable(name, value) else { continue }
                MHD_add_response_header(response, name, value)
            }
            own = lines
        }
    }

    /// By worker.
    private let made = Mutex<[UInt: Made]>([:])

    /// Of an answer that was not sent yet.
    public init() {}

    deinit {
        made.withLock { made in
            for one in made.values { MHD_destroy_response(one.response) }
        }
    }

    /// Queues the answer for an exchange.
    ///
    /// Thread: the exchange's worker, in the library's callback.
    ///
    /// - Parameters:
    ///   - response: the same for every exchange, with a body that is no stream.
    ///   - lines: header lines of this exchange alone.
    /// - Returns: nil when there is no memory or no descriptor for it.
    func queue(_ response: Response, _ lines: [(String, String)], for exchange: Exchange) -> MHD_Result? {
        made.withLock { made in
            let worker = UInt(pthread_self())
            if made[worker] == nil, let new = LibraryResponse.make(response, for: exchange) {
                made[worker] = Made(response: new)
            }
            guard let library = made[worker]?.response else { return nil }
            made[worker]?.replace(lines)
            return MHD_queue_response(exchange.handle, UInt32(clamping: response.status), library)
        }
    }
}
