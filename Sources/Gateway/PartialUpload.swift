internal import Files
internal import Synchronization

/// A body that comes in parts: a file that grows, and who may append to it (draft-ietf-httpbis-resumable-upload, interop
/// version 8).
///
/// Thread: any.
final class PartialUpload: Sendable {
    /// Where it stands.
    enum Phase: Sendable {
        case open
        /// All parts are there; it is on its way to the log.
        case storing
        case stored(Receipt)
        case gone
    }

    struct State: Sendable {
        var phase = Phase.open
        var offset: Int
        /// The right to append: of several requests the last one has it, so that a broken connection blocks nobody.
        var turn = 0
        var touched = ContinuousClock.now
        /// Those who wait for what becomes of it.
        fileprivate var waiting: [@Sendable (UploadOutcome) -> Void] = []
    }

    let id: String
    let request: UploadRequest
    /// The whole length, when the client said it.
    let length: Int?
    /// Of the file, which is open only while a request appends to it, or while it is stored: there may be many of them.
    let path: String
    private let state: Mutex<State>

    init(_ id: String, _ request: UploadRequest, length: Int?, _ path: String, offset: Int) {
        self.id = id
        self.request = request
        self.length = length
        self.path = path
        state = Mutex(State(offset: offset))
    }

    var now: State { state.withLock { $0 } }

    /// Takes the right to append away from whoever has it, and says where to go on.
    func takeTurn() -> State {
        state.withLock { state in
            state.turn += 1
            state.touched = .now
            return state
        }
    }

    /// Opens its file for who appends or reads.
    func open() throws(Failure) -> File {
        do throws(FileFailure) { return try File(appending: path) } catch {
            throw error.isMissing ? PartialUploads.unknown : PartialUploads.failure(error)
        }
    }

    /// Writes a piece to its file; false when another request has taken the turn.
    func append(_ piece: UnsafeRawBufferPointer, to file: borrowing File, turn: Int) throws(FileFailure) -> Bool {
        guard let offset = state.withLock({ $0.turn == turn ? $0.offset : nil }) else { return false }
        try file.write(piece, at: offset)
        return state.withLock { state in
            guard state.turn == turn else { return false }
            state.offset += piece.count
            state.touched = .now
            return true
        }
    }

    /// What a last part has to do.
    enum Storing {
        /// Store it, and then `settle`.
        case begin
        /// Wait: it is being stored.
        case join
        /// Another request has the turn.
        case overtaken
    }

    /// Begins to store it, or joins those who wait for that.
    ///
    /// - Parameter tell: called once with what became of it, unless it was overtaken.
    func beginStoring(turn: Int, _ tell: @escaping @Sendable (UploadOutcome) -> Void) -> Storing {
        state.withLock { state in
            switch state.phase {
            case .open where state.turn == turn: state.phase = .storing
            case .storing:
                state.waiting.append(tell)
                return .join
            case .open, .stored, .gone: return .overtaken
            }
            state.waiting = [tell]
            return .begin
        }
    }

    /// Tells all who wait; what failed may be tried again.
    func settle(_ outcome: UploadOutcome) {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            if case .failed = outcome { state.phase = .open }
            state.touched = .now
            return state.waiting
        }
        for tell in waiting { tell(outcome) }
    }

    func enter(_ phase: Phase) {
        state.withLock { state in
            state.phase = phase
            state.touched = .now
        }
    }
}
