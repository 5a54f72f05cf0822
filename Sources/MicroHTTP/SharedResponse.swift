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
    /// One worker's, and touched by no other but in the end.
    private final class Made: Sendable {
        let worker: pthread_t
        nonisolated(unsafe) let response: OpaquePointer
        /// Lines that are the exchange's.
        private nonisolated(unsafe) var own: [(String, String)] = []

        init(_ worker: pthread_t, _ response: OpaquePointer) {
            self.worker = worker
            self.response = response
        }

        deinit { MHD_destroy_response(response) }

        /// Has it bear these lines in place of those that the exchange before had.
        func replace(_ lines: [(String, String)]) {
            for index in 0..<max(own.count, lines.count) {
                let old = index < own.count ? own[index] : nil
                let new = index < lines.count ? lines[index] : nil
                // Most are the same for all.
                if let old, let new, old == new { continue }
                if let old { LibraryResponse.remove(old.0, old.1, from: response) }
                if let new { LibraryResponse.add(new.0, new.1, to: response) }
            }
            own = lines
        }
    }

    /// A few, so that looking through them is the fastest.
    private let made = Mutex<[Made]>([])

    /// Of an answer that was not sent yet.
    public init() {}

    /// Queues the answer for an exchange.
    ///
    /// Thread: the exchange's worker, in the library's callback.
    ///
    /// - Parameters:
    ///   - response: gives the answer, the same for every exchange, with a body that is no stream.
    ///   - status: of the answer.
    ///   - lines: header lines of this exchange alone.
    /// - Returns: nil when there is no memory or no descriptor for it.
    func queue(
        _ response: () -> Response?, status: Int, _ lines: [(String, String)], for exchange: Exchange
    ) -> MHD_Result? {
        guard let mine = mine(response, exchange) else { return nil }
        mine.replace(lines)
        return MHD_queue_response(exchange.handle, UInt32(clamping: status), mine.response)
    }

    private func mine(_ response: () -> Response?, _ exchange: Exchange) -> Made? {
        let worker = pthread_self()
        return made.withLock { made in
            if let mine = made.first(where: { $0.worker == worker }) { return mine }
            let mine = response().flatMap { LibraryResponse.make($0, for: exchange) }.map { Made(worker, $0) }
            if let mine { made.append(mine) }
            return mine
        }
    }
}
