internal import CMicrohttpd
internal import Synchronization

/// One request and its answer.
///
/// Thread: `resume` and `reply` any; the rest belongs to the worker of the request's connection, and to the handler
/// while it is called. Unchecked for that reason: what several threads touch is in `state`.
public final class Exchange: @unchecked Sendable {
    struct State {
        /// Nil once the exchange is over.
        var connection: Connection?
        var isSuspended = false
        /// A resume that came while the exchange was not suspended; the next suspension is not done.
        var wasResumed = false
        var reply: Response?
        /// Whether an answer was chosen; later ones are ignored.
        var isAnswered = false
        var suspendedSince: ContinuousClock.Instant?
        var suspended: Duration = .zero
    }

    /// The library's handle; used by other threads only under the lock, to resume it.
    struct Connection: @unchecked Sendable {
        let handle: OpaquePointer
    }

    /// Unique within the process's life.
    public let id: UInt64
    /// When the request's first line was read.
    public let startedAt = ContinuousClock.now
    /// As sent, such as `PUT`.
    public internal(set) var method = ""
    /// For the router's own use: the label under which the request is counted.
    public var route: String?

    let target: String
    let record: ConnectionRecord
    /// Bytes of the body that were read.
    let bytesIn = Atomic<UInt64>(0)
    let phase = Atomic(Phase.headers)
    var handler: (any ExchangeHandler)?
    var framing: Framing?
    /// The rest of the body is read and dropped.
    var drain: Drain?
    /// Of the answer that was chosen; 0 before.
    let status = Atomic(0)
    private let state: Mutex<State>

    /// How far the request has come.
    enum Phase: UInt8, AtomicRepresentable {
        case headers, body, answer
    }

    /// Why a body is read without being used.
    enum Drain {
        /// The answer is sent when the body is over.
        case untilEnd
        /// The answer was sent past the library; the connection ends after so many more bytes.
        case bounded(Int)
    }

    init(id: UInt64, target: String, connection: OpaquePointer, record: ConnectionRecord) {
        self.id = id
        self.target = target
        self.record = record
        state = Mutex(State(connection: Connection(handle: connection)))
    }

    /// Lets a handler that waits have its piece again.
    public func resume() {
        state.withLock { state in
            if state.isSuspended { Self.wake(&state) } else { state.wasResumed = true }
        }
    }

    /// Answers the request; the first answer counts.
    ///
    /// - Parameter response: sent by the connection's own worker.
    public func reply(_ response: Response) {
        state.withLock { state in
            guard !state.isAnswered else { return }
            state.isAnswered = true
            state.reply = response
            if state.isSuspended { Self.wake(&state) }
        }
    }

    /// Suspends the connection until there is a reply or a resume; false when one is there already.
    func suspend() -> Bool {
        state.withLock { state in
            if state.wasResumed || state.reply != nil {
                state.wasResumed = false
                return false
            }
            guard let connection = state.connection else { return false }
            state.isSuspended = true
            state.suspendedSince = .now
            // Under the lock, so that no thread resumes what is not suspended yet.
            MHD_suspend_connection(connection.handle)
            return true
        }
    }

    /// The reply, once.
    func takeReply() -> Response? { state.withLock { $0.reply.take() } }

    /// Chooses an answer that is not sent by the library; false when another one was chosen before.
    func claim() -> Bool {
        state.withLock { state in
            guard !state.isAnswered, state.connection != nil else { return false }
            state.isAnswered = true
            return true
        }
    }

    /// The answer that was claimed, for the worker to take when the body is over.
    func replace(_ response: Response) { state.withLock { $0.reply = response } }

    var isOpen: Bool { state.withLock { $0.connection != nil } }

    /// Nobody resumes the connection after this.
    func finish() {
        state.withLock { state in
            state.connection = nil
            state.reply = nil
        }
    }

    var isSuspended: Bool { state.withLock { $0.isSuspended } }

    /// How long the request took so far, without the time that it was suspended.
    var activeTime: Duration {
        let (suspended, since) = state.withLock { ($0.suspended, $0.suspendedSince) }
        let now = ContinuousClock.now
        return now - startedAt - suspended - (since.map { now - $0 } ?? .zero)
    }

    private static func wake(_ state: inout State) {
        guard let connection = state.connection else { return }
        state.isSuspended = false
        if let since = state.suspendedSince { state.suspended += .now - since }
        state.suspendedSince = nil
        MHD_resume_connection(connection.handle)
    }
}
