internal import CMicrohttpd
internal import Synchronization
internal import Threads

/// One request and its answer.
///
/// Thread: any, for everything that is public.
public final class Exchange: Sendable {
    /// How far it has come.
    ///
    /// Only a worker of libmicrohttpd moves it on, but for `over`.
    enum Phase {
        /// The headers are not complete.
        case head
        /// A handler takes the body, or is at its end.
        case receiving
        /// The answer is known; the little that is left of the body is dropped, then it is sent.
        case replying
        /// The handler answers later.
        case later
        /// The answer is with libmicrohttpd.
        case queued
        /// The answer was sent past libmicrohttpd; what comes of the body is dropped so that the client gets to read it.
        case draining
        /// The worker closes the connection the next time it looks.
        case over
        /// Nothing is called any more.
        case done
    }

    struct State {
        var phase = Phase.head
        /// Nil until it is complete.
        var head: RequestHead?
        /// Whether it counts among the server's active ones.
        var isActive = false
        var handler: (any ExchangeHandler)?
        var label: Int?
        var note: (any AnyObject & Sendable)?
        /// Header lines that every answer gets.
        var extraHeaders: [(String, String)] = []
        /// The first reply that anybody gave.
        var reply: Response?
        /// What was sent, or is being sent.
        var status: Int?
        /// What the worker sends over TLS before it closes the connection.
        var lastWords: Response?
        /// How it ended when the answer alone does not tell.
        var cause: Outcome?
        /// True from the suspension until somebody decided to end it; who makes it false resumes.
        var isSuspended = false
        /// `resume()` came when there was nothing to resume.
        var recall = false
        /// The stream that is being sent is to end after the bytes at hand.
        var endsStream = false
        var suspendedAt: Moment
        var suspendedFor = Duration.zero
        var window: RateWindow
        /// When libmicrohttpd was done with it.
        var endedAt: Moment?
        var discarded = 0
        var linger: Threads.Timer?

        init(at now: Moment) {
            suspendedAt = now
            window = RateWindow(start: now)
        }

        var method: String { head?.method ?? "" }
        var contentLength: UInt64? { head?.framing.contentLength }
        var hasBody: Bool { head?.framing.hasBody ?? false }
    }

    /// Unique in the server, ascending.
    public let id: UInt64
    /// When the request line was read.
    let startedAt: Moment

    let core: ServerCore
    let connection: Connection
    let parts: Target
    /// Address of the target's end in the library's buffer.
    let targetEnd: UInt
    /// Used by workers in their callbacks, and to resume by who made `isSuspended` false; it lives as long as either.
    nonisolated(unsafe) let handle: OpaquePointer
    let state: Mutex<State>
    let received = Atomic<UInt64>(0)
    let pieces = Atomic<UInt64>(0)
    let streamed = Atomic<Int>(0)

    init(_ core: ServerCore, _ connection: Connection, _ handle: OpaquePointer, target: Target, targetEnd: UInt) {
        self.core = core
        self.connection = connection
        self.handle = handle
        self.targetEnd = targetEnd
        parts = target
        id = core.nextNumber()
        startedAt = .now
        state = Mutex(State(at: startedAt))
    }

    /// The method; empty until the headers are complete.
    public var method: String { state.withLock { $0.method } }
    /// The target as sent, with the query.
    public var target: String { parts.text }
    /// The target before the question mark, still percent-coded.
    public var path: String { parts.rawPath }
    /// For the router's own use, such as the number of the request's route.
    public var label: Int? {
        get { state.withLock { $0.label } }
        set { state.withLock { $0.label = newValue } }
    }
    /// What the router wants to remember of the request until it is over.
    public var note: (any AnyObject & Sendable)? {
        get { state.withLock { $0.note } }
        set { state.withLock { $0.note = newValue } }
    }
    /// Adds header lines to whatever the answer is going to be.
    ///
    /// - Parameter headers: names and values; of use before the answer is given.
    public func addHeaders(_ headers: [(String, String)]) {
        guard !headers.isEmpty else { return }
        state.withLock { state in
            if state.extraHeaders.isEmpty { state.extraHeaders = headers } else { state.extraHeaders += headers }
        }
    }
    /// The client's address without the port.
    public var remoteAddress: String { connection.address }
    /// The status of the answer, once there is one.
    public var status: Int? { state.withLock { $0.status ?? $0.reply?.status } }
    /// Bytes of the body that came so far, without the framing of chunks.
    public var bytesIn: UInt64 { received.load(ordering: .relaxed) }

    private func bytesOut(_ state: borrowing State) -> Int {
        guard let status = state.reply?.status, status != 204, status != 304, state.method != "HEAD" else { return 0 }
        return (state.reply?.body.count ?? 0) + streamed.load(ordering: .relaxed)
    }

    /// What there is to say of it, all at one time.
    public struct Summary: Sendable {
        /// The method; empty when the headers never were complete.
        public let method: String
        /// As the router has set it.
        public let label: Int?
        /// As the router has set it.
        public let note: (any AnyObject & Sendable)?
        /// What the answer says about itself, if there is one.
        public let about: (any AnyObject & Sendable)?
        /// Bytes of the body that came, without the framing of chunks.
        public let bytesIn: UInt64
        /// Length of the answer's body; of a stream, what was sent.
        public let bytesOut: Int
        /// From the request line to the end of its answer, or until now.
        public let duration: Duration
    }

    /// A summary, of use once it is over.
    public var summary: Summary {
        state.withLock { state in
            Summary(
                method: state.method, label: state.label, note: state.note, about: state.reply?.about, bytesIn: bytesIn,
                bytesOut: bytesOut(state), duration: (state.endedAt ?? .now) - startedAt)
        }
    }

    /// Has the piece that was answered with `wait` brought again, or a stream that had nothing asked again.
    ///
    /// May come before that verdict was returned, or at any other time.
    public func resume() {
        state.withLock { state in
            guard state.phase == .receiving || state.isStreaming else { return }
            if state.isSuspended { wake(&state) } else { state.recall = true }
        }
    }

    /// Gives the answer.
    ///
    /// The first one counts, later ones are ignored. While the body still comes it is a rejection.
    ///
    /// - Parameter response: the answer.
    public func reply(_ response: Response) {
        state.withLock { state in
            switch state.phase {
            case .head, .receiving, .later:
                guard state.reply == nil else { return }
                state.reply = response
                if state.isSuspended { wake(&state) }
            case .replying, .queued, .draining, .over, .done: return
            }
        }
    }

    // MARK: suspension, under the lock

    /// Suspends; false when the server does not allow it any more.
    ///
    /// Thread: the worker, in the library's callback.
    func sleep(_ state: inout State) -> Bool {
        guard core.mode < .failing else { return false }
        state.isSuspended = true
        state.suspendedAt = .now
        MHD_suspend_connection(handle)
        return true
    }

    func wake(_ state: inout State) {
        state.isSuspended = false
        state.suspendedFor += Moment.now - state.suspendedAt
        MHD_resume_connection(handle)
    }
}
