internal import CMicrohttpd
internal import Synchronization
internal import Threads

/// The two ways an answer goes out: through libmicrohttpd at the request's end, or past it in mid-body, where the library
/// takes none.
extension Exchange {
    /// Hands the answer to libmicrohttpd.
    ///
    /// Thread: the worker, in the library's callback.
    ///
    /// - Parameters:
    ///   - response: used unless another was given first; nil when there is one.
    ///   - phase: where the exchange has to be; it may have been ended meanwhile.
    ///   - closing: closes the connection afterwards.
    func queue(_ response: Response?, from phase: Phase, closing: Bool = false) -> MHD_Result {
        let closes = closing || core.mode > .running
        // A shared answer is made already, nearly always: of the reply little is looked at, and it is not copied.
        let step = state.withLock { state -> (Int, SharedResponse?, [(String, String)])? in
            guard state.phase == phase else { return nil }
            if let response, state.reply == nil { state.reply = response }
            guard let status = state.reply?.status else { return nil }
            state.status = status
            state.phase = .queued
            let isShared = !closes && state.reply?.close == false
            return (status, isShared ? state.reply?.shared : nil, state.extraHeaders)
        }
        guard let (status, shared, lines) = step else { return .NO }
        let reply = { [self] in state.withLock { $0.reply } }
        if let queued = shared?.queue(reply, status: status, lines, for: self) { return queued }
        guard var chosen = reply() else { return .NO }
        chosen.close = chosen.close || closes
        chosen.headers += lines
        if let made = LibraryResponse.make(chosen, for: self) {
            defer { MHD_destroy_response(made) }
            return MHD_queue_response(handle, UInt32(clamping: chosen.status), made)
        }
        // No descriptor for the file: so many are being sent at this moment.
        let busy = Response(status: 503, headers: [("Retry-After", "1")], close: closing)
        guard let made = LibraryResponse.make(busy, for: self) else { return .NO }
        defer { MHD_destroy_response(made) }
        state.withLock { $0.status = busy.status }
        return MHD_queue_response(handle, UInt32(busy.status), made)
    }

    /// Answers before the body was seen whole.
    ///
    /// A little that is left is read and dropped, and the answer goes the ordinary way. Otherwise it is sent at once, and
    /// the connection is kept for a while, reading but little, so that the client is not told by a reset instead.
    ///
    /// Thread: the worker, in the library's callback.
    ///
    /// - Parameters:
    ///   - response: used unless another was given first.
    ///   - count: bytes at hand that belong to the body and are dropped with it; nil when there is no body.
    func reject(_ response: Response, _ count: Int?) -> (taken: Bool, MHD_Result) {
        let (phase, direct) = state.withLock { state -> (Phase, Response?) in
            guard state.phase == .receiving else { return (state.phase, nil) }
            let chosen = state.reply ?? response
            state.reply = chosen
            if core.mode < .failing, isSmall(state, count) {
                state.phase = .replying
                return (.replying, nil)
            }
            var direct = chosen
            direct.headers += state.extraHeaders
            return (.receiving, direct)
        }
        if phase == .replying { return (true, .YES) }
        guard let direct else { return (false, .NO) }
        let bytes = DirectReply.bytes(of: direct, withBody: method != "HEAD")
        let isSent = state.withLock { state in
            guard state.phase == .receiving, connection.sendLast(bytes) else { return false }
            state.phase = .draining
            state.status = direct.status
            state.discarded = count ?? 0
            return true
        }
        guard isSent else { return (false, .NO) }
        let timer = core.timers.schedule(after: core.configuration.linger) { [self] in stopLingering() }
        state.withLock { $0.linger = timer }
        return (true, .YES)
    }

    /// Whether what is left of the body is little enough to be read and dropped.
    private func isSmall(_ state: State, _ count: Int?) -> Bool {
        guard let count, state.hasBody else { return true }
        guard let length = state.contentLength else { return false }
        let seen = received.load(ordering: .relaxed) + UInt64(count)
        return length < seen || length - seen <= UInt64(max(0, core.configuration.maxDiscard))
    }

    /// The client had its time to read the answer.
    ///
    /// Thread: any.
    func stopLingering() {
        let mustShut = state.withLock { state in
            guard state.phase == .draining else { return false }
            state.phase = .over
            guard state.isSuspended else { return true }
            wake(&state)
            return false
        }
        if mustShut { connection.shutdown() }
    }

    /// Called when libmicrohttpd is done with the request.
    ///
    /// Thread: the worker.
    func complete(_ code: MHD_RequestTerminationCode) {
        sendLastWords()
        let now = Moment.now
        let (handler, outcome, counted, linger) = state.withLock { state in
            let outcome = self.outcome(of: code, state)
            let counted = state.isActive
            defer {
                state.phase = .done
                state.endedAt = now
                state.handler = nil
                state.linger = nil
            }
            return (state.handler, outcome, counted, state.linger)
        }
        linger?.cancel()
        connection.finish(at: now)
        handler?.ended(self, outcome)
        core.router.completed(self, outcome)
        if counted { core.exchangeEnded() }
    }

    /// What another thread had to say over TLS, where only the worker may send.
    private func sendLastWords() {
        guard connection.isSecure, let words = state.withLock({ $0.lastWords }) else { return }
        guard connection.sendLast(DirectReply.bytes(of: words, withBody: method != "HEAD")) else { return }
        state.withLock { state in
            state.status = words.status
            state.reply = words
        }
    }

    private func outcome(of code: MHD_RequestTerminationCode, _ state: State) -> Outcome {
        if let cause = state.cause { return cause }
        switch state.phase {
        case .draining, .over:
            if let status = state.status { return .answered(status: status) }
        case .queued:
            if let status = state.status, code == .REQUEST_TERMINATED_COMPLETED_OK { return .answered(status: status) }
        case .head:
            if code == .REQUEST_TERMINATED_WITH_ERROR || code == .REQUEST_TERMINATED_COMPLETED_OK { return .malformed }
        case .receiving, .replying, .later, .done: break
        }
        switch code {
        case .REQUEST_TERMINATED_TIMEOUT_REACHED: return .timedOut
        case .REQUEST_TERMINATED_DAEMON_SHUTDOWN: return .stopped
        default: return .aborted
        }
    }
}
