internal import Compression
internal import Files
internal import Synchronization
internal import Telemetry
internal import Threads

/// Makes coded copies of results, each once, after the first client asked for one.
///
/// Weights hardly shrink, so a copy that gains less than a twentieth is given up, and soon.
///
/// Thread: its own, behind all others in priority; `want`, `start` and `stop` any.
final class ResultCopies: Sendable {
    private struct Wish: Hashable {
        let result: StoredResult
        let coding: ContentCoding
    }

    private struct State {
        var wishes: [Wish] = []
        /// What did not work; it is not tried again by this process.
        var failed: Set<String> = []
        var isStopping = false
    }

    /// Results below this go out in a few packets as they are.
    static let smallest = 4096
    private static let mostWishes = 64
    /// After so many bytes it shows whether there is a gain.
    private static let trial = 32 << 20
    private static let pieceSize = 1 << 20

    private let codings: [ContentCoding]
    private let store: ResultStore
    private let logger: Logger
    private let state = Monitor(State())
    private let thread = Mutex<DedicatedThread?>(nil)

    private let profile: ProfiledOperation

    init(
        _ codings: [ContentCoding], _ store: ResultStore, _ logger: Logger, _ profile: ProfiledOperation
    ) {
        self.profile = profile
        self.codings = codings
        self.store = store
        self.logger = logger
    }

    func start() -> Bool {
        guard !codings.isEmpty else { return true }
        let started = DedicatedThread(name: "codings") { [self] in run() }
        thread.withLock { $0 = started }
        return started != nil
    }

    /// Ends the thread; a copy that is being made is dropped.
    func stop() {
        state.change { $0.isStopping = true }
        thread.withLock { $0.take() }?.join()
    }

    /// Has the copy made that the client would like best, unless it is there or not worth it.
    func want(for request: ResultRequest, _ result: StoredResult) {
        guard result.size >= Self.smallest else { return }
        let possible = codings.filter { !result.incompressible.contains($0) }
        guard let coding = request.favourite(of: possible), result.copies[coding] == nil else { return }
        let name = ResultStore.copy(result.round, coding)
        let isKnown = state.look { state in
            state.wishes.count >= Self.mostWishes || state.failed.contains(name)
                || state.wishes.contains { $0.coding == coding && $0.result.round == result.round }
        }
        guard !isKnown else { return }
        state.change { $0.wishes.append(Wish(result: result, coding: coding)) }
    }

    private func run() {
        DedicatedThread.stepBack()
        while true {
            state.wait { $0.isStopping || !$0.wishes.isEmpty ? () : nil }
            guard let wish = state.look({ $0.isStopping ? nil : $0.wishes.first }) else { return }
            let name = ResultStore.copy(wish.result.round, wish.coding)
            var hasFailed = false
            do { try make(wish, name + ".tmp") } catch is CancellationError {} catch {
                hasFailed = true
                profile.failed()
                File.remove(store.directory.file(name + ".tmp"))
                logger.warning(
                    "a result cannot be compressed", [("file", name), ("reason", String(describing: error))])
            }
            state.change { state in
                state.wishes.removeAll { $0 == wish }
                if hasFailed { state.failed.insert(name) }
            }
        }
    }

    private func make(_ wish: Wish, _ temporary: String) throws {
        let (result, coding) = (wish.result, wish.coding)
        let now = store[result.round]
        guard now?.messageID == result.messageID, now?.isExpired == false, now?.copies[coding] == nil else { return }
        let source = try File(reading: store.directory.file(ResultStore.weights(result.round)))
        let target = try DigestedFile(store.directory.file(temporary))
        let started = ContinuousClock.now
        let isWorth = try compress(source, result.size, to: target, coding)
        profile.succeeded(
            after: ContinuousClock.now - started, bytesIn: result.size, bytesOut: isWorth ? target.size : nil)
        let copy = isWorth ? try target.finish() : nil
        try store.addCopy(coding, of: result, copy, from: temporary)
        logger.info(
            copy == nil ? "a result hardly shrinks, and is kept as it is" : "result compressed",
            [("round", String(result.round)), ("coding", coding.rawValue), ("bytes", String(target.size))])
    }

    /// False when it is not worth it.
    private func compress(
        _ source: borrowing File, _ size: Int, to target: DigestedFile, _ coding: ContentCoding
    ) throws -> Bool {
        let compressor = try StreamCompressor(coding.codec, contentSize: UInt64(size))
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceSize, alignment: 64)
        defer { piece.deallocate() }
        var read = 0
        while read < size {
            if state.look({ $0.isStopping }) { throw CancellationError() }
            let bytes = UnsafeMutableRawBufferPointer(rebasing: piece[..<min(piece.count, size - read)])
            try source.read(into: bytes, at: read)
            try compressor.write(UnsafeRawBufferPointer(bytes), to: target.put)
            read += bytes.count
            if read >= Self.trial, !Self.isWorth(target.size, of: read) { return false }
        }
        try compressor.finish(to: target.put)
        return Self.isWorth(target.size, of: size)
    }

    private static func isWorth(_ coded: Int, of plain: Int) -> Bool { coded < plain - plain / 20 }
}

extension ContentCoding {
    fileprivate var codec: Codec {
        switch self {
        case .zstd: .zstd
        case .gzip: .gzip
        }
    }
}
