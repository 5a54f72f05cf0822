internal import Synchronization

/// Ends exchanges that take too long, and all of them when the server stops.
///
/// Thread: the server's timer, or who stops it.
extension Exchange {
    /// Compares with the limits, and ends what is beyond one.
    func check(at now: Moment) {
        let limits = core.configuration
        if now - startedAt > limits.requestDeadline, endStream() { return }
        let refusal = state.withLock { state -> Refusal? in
            let age = now - startedAt
            switch state.phase {
            case .head: return age > limits.headerTimeout ? .slow : nil
            case .receiving where !state.isSuspended, .replying:
                if age > limits.requestDeadline { return .slow }
                guard state.hasBody, received.load(ordering: .relaxed) < state.contentLength ?? .max else { return nil }
                let isSlow = state.window.isTooSlow(
                    at: now, received: received.load(ordering: .relaxed), suspendedFor: state.suspendedFor,
                    length: limits.rateGrace, minimum: limits.minimumRate)
                return isSlow ? .slow : nil
            case .receiving, .later, .queued: return age > limits.requestDeadline ? .deadline : nil
            case .draining, .over, .done: return nil
            }
        }
        if let refusal { end(with: refusal, .timedOut) } else { noticeReset() }
    }

    /// Ends a suspended exchange whose client is gone: libmicrohttpd does not look at it meanwhile.
    private func noticeReset() {
        state.withLock { state in
            switch state.phase {
            case .receiving where state.isSuspended, .later where state.isSuspended:
                guard connection.isReset else { return }
                state.cause = .aborted
                state.phase = .over
                wake(&state)
            case .queued where state.isSuspended:
                guard connection.isReset else { return }
                state.cause = .aborted
                wake(&state)
            default: return
            }
        }
    }

    /// Ends the exchange whatever it is at: with an answer where one can still be given.
    ///
    /// - Parameters:
    ///   - refusal: what the client is told.
    ///   - outcome: what the handler is told.
    func end(with refusal: Refusal, _ outcome: Outcome) {
        let response = core.response(to: refusal, self)
        let bytes = DirectReply.bytes(of: response, withBody: method != "HEAD")
        let mustShut = state.withLock { state -> Bool in
            switch state.phase {
            case .receiving where state.isSuspended, .later where state.isSuspended:
                state.cause = outcome
                if state.reply == nil { state.reply = response }
                wake(&state)
                return false
            case .receiving where connection.isSecure, .replying where connection.isSecure,
                .later where connection.isSecure:
                // The worker comes by: with the next piece, or when the library's patience with an idle connection ends.
                state.cause = outcome
                state.lastWords = response
                state.phase = .over
                return false
            case .head, .receiving, .replying, .later:
                // The library has nothing to send at this point, and its next look finds the end of the connection.
                state.cause = outcome
                if !connection.isSecure, connection.sendLast(bytes) {
                    state.status = response.status
                    state.reply = response
                }
                state.phase = .over
                return true
            case .queued:
                state.cause = outcome
                guard state.isSuspended else { return true }
                wake(&state)
                return false
            case .draining, .over, .done: return false
            }
        }
        if mustShut { connection.shutdown() }
        stopLingering()
    }
}
