internal import CMicrohttpd
internal import Synchronization

/// What the workers of libmicrohttpd call. Everything here runs in its access handler.
extension Exchange {
    /// One call of the access handler.
    ///
    /// - Parameters:
    ///   - data: the piece of the body, if there is one.
    ///   - size: its size; afterwards how much of it was not taken.
    func step(
        _ method: UnsafePointer<CChar>, _ version: UnsafePointer<CChar>, _ data: UnsafePointer<CChar>?,
        _ size: UnsafeMutablePointer<Int>
    ) -> MHD_Result {
        if let data {
            // After `100 Continue` the old library offers even a body of no bytes, when a further request has come with it.
            guard size.pointee > 0 else { return .YES }
            let piece = UnsafeRawBufferPointer(start: data, count: size.pointee)
            let (taken, result) = take(piece)
            if taken { size.pointee = 0 }
            return result
        }
        return state.withLock({ $0.phase == .head }) ? headersCame(method, version) : bodyEnded()
    }

    // MARK: headers

    private func headersCame(_ method: UnsafePointer<CChar>, _ version: UnsafePointer<CChar>) -> MHD_Result {
        core.exchangeBegan()
        let head = connection.head(
            RawHead(handle, method, version, targetEnd: targetEnd, isInPlace: core.parsesInPlace), target: parts)
        state.withLock { state in
            state.isActive = true
            state.head = head
            // Its time begins with the body.
            if head.framing.hasBody { state.window = RateWindow() }
        }
        if let refusal = head.refusal {
            // Where the request ends is unknown: nothing more is read from this connection.
            return queue(core.response(to: refusal, self), from: .head, closing: true)
        }
        guard core.mode == .running else { return answer(core.response(to: .stopping, self), head.framing) }
        switch core.router.accept(Request(head, of: self), self) {
        case .reply(let response): return answer(response, head.framing)
        case .handle(let handler):
            state.withLock { state in
                state.handler = handler
                if state.phase == .head { state.phase = .receiving }
            }
            return .YES
        }
    }

    /// An answer that is known with the headers.
    private func answer(_ response: Response, _ framing: HeaderCheck) -> MHD_Result {
        // Queued at once it would close the connection, so without a body it is queued in the handler's second call. With
        // `Expect` it has to be now: that keeps the body from being sent.
        if framing.hasBody && framing.expectsContinue { return queue(response, from: .head, closing: true) }
        if !framing.hasBody, hold(response) { return .YES }
        state.withLock { state in
            if state.phase == .head { state.phase = .receiving }
        }
        return reject(response, framing.hasBody ? 0 : nil).1
    }

    /// Keeps an answer for the handler's second call; false where it cannot wait for that.
    private func hold(_ response: Response) -> Bool {
        state.withLock { state in
            guard state.phase == .head, core.mode < .failing else { return false }
            if state.reply == nil { state.reply = response }
            state.phase = .replying
            return true
        }
    }

    // MARK: body

    private enum Step {
        case deliver(any ExchangeHandler)
        case reject(Response)
        case drop, sleep, close
    }

    private func take(_ piece: UnsafeRawBufferPointer) -> (taken: Bool, MHD_Result) {
        let step = state.withLock { state -> Step in
            switch state.phase {
            case .receiving:
                if let reply = state.reply { return .reject(reply) }
                return state.handler.map { .deliver($0) } ?? .close
            case .replying: return .drop
            case .draining:
                state.discarded += piece.count
                if state.discarded <= core.configuration.maxDiscard { return .drop }
                return sleep(&state) ? .sleep : .close
            case .head, .later, .queued, .over, .done: return .close
            }
        }
        switch step {
        case .deliver(let handler): return deliver(piece, to: handler)
        case .reject(let reply): return reject(reply, piece.count)
        case .drop:
            count(piece)
            return (true, .YES)
        case .sleep: return (false, .YES)
        case .close: return (false, .NO)
        }
    }

    private func deliver(
        _ piece: UnsafeRawBufferPointer, to handler: any ExchangeHandler
    ) -> (taken: Bool, MHD_Result) {
        switch handler.body(piece, self) {
        case .consumed:
            count(piece)
            guard !hasTinyPieces else {
                return reject(core.response(to: .malformed("the chunks are too small"), self), 0)
            }
            return (true, .YES)
        case .wait:
            let slept = state.withLock { state in
                guard state.phase == .receiving, state.reply == nil, sleep(&state) else { return false }
                if state.recall { wake(&state) }
                state.recall = false
                return true
            }
            if slept { return (false, .YES) }
            if core.mode == .failing { reply(core.response(to: .stopping, self)) }
            guard let reply = state.withLock({ $0.phase == .receiving ? $0.reply : nil }) else { return (false, .NO) }
            return reject(reply, piece.count)
        case .reject(let response): return reject(response, piece.count)
        }
    }

    private func count(_ piece: UnsafeRawBufferPointer) {
        // One worker writes these.
        received.store(received.load(ordering: .relaxed) + UInt64(piece.count), ordering: .relaxed)
        pieces.store(pieces.load(ordering: .relaxed) + 1, ordering: .relaxed)
    }

    /// The library never joins chunks, so a body in chunks of a byte costs a call for each.
    private var hasTinyPieces: Bool {
        let pieces = pieces.load(ordering: .relaxed)
        guard pieces > 1 << 16, received.load(ordering: .relaxed) < 4 * pieces else { return false }
        return state.withLock { $0.contentLength == nil }
    }

    // MARK: end

    private func bodyEnded() -> MHD_Result {
        enum Step {
            case deliver(any ExchangeHandler)
            case queue(Phase)
            case sleep, close
        }
        let step = state.withLock { state -> Step in
            switch state.phase {
            case .receiving:
                if state.reply != nil { return .queue(.receiving) }
                return state.handler.map { .deliver($0) } ?? .close
            case .replying: return .queue(.replying)
            case .later:
                if state.reply != nil { return .queue(.later) }
                return sleep(&state) ? .sleep : .close
            case .head, .queued, .draining, .over, .done: return .close
            }
        }
        switch step {
        case .deliver(let handler): return finish(handler)
        case .queue(let phase): return queue(nil, from: phase)
        case .sleep: return .YES
        case .close: return .NO
        }
    }

    private func finish(_ handler: any ExchangeHandler) -> MHD_Result {
        switch handler.end(self) {
        case .reply(let response): return queue(response, from: .receiving)
        case .later:
            let slept = state.withLock { state in
                guard state.phase == .receiving, state.reply == nil, sleep(&state) else { return false }
                state.phase = .later
                return true
            }
            if slept { return .YES }
            if core.mode == .failing { reply(core.response(to: .stopping, self)) }
            guard let reply = state.withLock({ $0.reply }) else { return .NO }
            return queue(reply, from: .receiving)
        }
    }
}
