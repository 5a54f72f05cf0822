internal import CMicrohttpd
internal import Synchronization

/// Feeds libmicrohttpd from a source.
///
/// Thread: the exchange's worker, in the library's callbacks.
final class StreamReader {
    private let exchange: Exchange
    private let source: any BodySource
    private var rest: ArraySlice<UInt8> = []

    private init(_ exchange: Exchange, _ source: any BodySource) {
        self.exchange = exchange
        self.source = source
    }

    /// A response that owns a reader, or nil when there is no memory.
    static func response(_ source: any BodySource, _ exchange: Exchange) -> OpaquePointer? {
        let owner = Unmanaged.passRetained(StreamReader(exchange, source))
        guard let made = cmhd_streamed(readStream, releaseStream, owner.toOpaque()) else {
            owner.release()
            return nil
        }
        return made
    }

    /// - Returns: as libmicrohttpd wants it; nought only when the connection is suspended.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        while true {
            if !rest.isEmpty {
                let part = rest.prefix(buffer.count)
                buffer.copyBytes(from: part)
                rest = rest.dropFirst(part.count)
                exchange.streamed.wrappingAdd(part.count, ordering: .relaxed)
                return part.count
            }
            switch exchange.streamStep {
            case .go: break
            case .end: return cmhd_end_of_stream
            case .fail: return cmhd_end_with_error
            }
            switch source.next() {
            case .bytes(let bytes): rest = bytes[...]
            case .end: return cmhd_end_of_stream
            case .wait: if exchange.sleepInStream() { return 0 }
            }
        }
    }
}

extension Exchange.State {
    /// The answer is with libmicrohttpd, and is a stream.
    var isStreaming: Bool {
        guard phase == .queued, case .stream? = reply?.body else { return false }
        return true
    }
}

extension Exchange {
    enum StreamStep {
        case go, end, fail
    }

    /// What to do before the source is asked; `resume()` counts from here on.
    var streamStep: StreamStep {
        state.withLock { state in
            state.recall = false
            if state.cause != nil { return .fail }
            return state.endsStream || core.mode > .running ? .end : .go
        }
    }

    /// Suspends; false when there may be more already, or the stream is to end.
    func sleepInStream() -> Bool {
        state.withLock { state in
            guard !state.recall, !state.endsStream, state.cause == nil, core.mode == .running else { return false }
            return sleep(&state)
        }
    }

    /// Ends a stream after the bytes that are on their way.
    ///
    /// Thread: any.
    ///
    /// - Returns: false when the answer is no stream.
    func endStream() -> Bool {
        state.withLock { state in
            guard state.isStreaming else { return false }
            state.endsStream = true
            if state.isSuspended { wake(&state) }
            return true
        }
    }
}

/// Thread: the exchange's worker.
private func readStream(
    _ owner: UnsafeMutableRawPointer?, _: UInt64, _ buffer: UnsafeMutablePointer<CChar>?, _ most: Int
) -> Int {
    guard let owner, let buffer, most > 0 else { return cmhd_end_with_error }
    let reader = Unmanaged<StreamReader>.fromOpaque(owner).takeUnretainedValue()
    return reader.read(into: UnsafeMutableRawBufferPointer(start: buffer, count: most))
}

/// Thread: the worker that destroys the response.
private func releaseStream(_ owner: UnsafeMutableRawPointer?) {
    if let owner { Unmanaged<StreamReader>.fromOpaque(owner).release() }
}
