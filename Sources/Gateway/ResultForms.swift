internal import Bytes
internal import Files
internal import Synchronization
internal import Telemetry
internal import Threads
internal import WeightFormats
internal import Weights

/// Makes copies of results in other formats than FEDWT001, each once, when a client first asks for it.
///
/// Thread: its own; `make`, `start` and `stop` any.
final class ResultForms: Sendable {
    private struct Key: Hashable {
        let round: Int64
        let messageID: String
        let format: String
    }

    private struct Wish {
        let key: Key
        let result: StoredResult
        var tell: [@Sendable (Failure?) -> Void]

        func settle(_ failure: Failure?) { for tell in tell { tell(failure) } }
    }

    private struct State {
        var wishes: [Wish] = []
        var isStopping = false
    }

    private static let step = 1 << 20

    private let store: ResultStore
    private let logger: Logger
    private let state = Monitor(State())
    private let thread = Mutex<DedicatedThread?>(nil)

    private let profile: ProfiledOperation

    init(_ store: ResultStore, _ logger: Logger, _ profile: ProfiledOperation) {
        self.profile = profile
        self.store = store
        self.logger = logger
    }

    func start() -> Bool {
        let started = DedicatedThread(name: "formats") { [self] in run() }
        thread.withLock { $0 = started }
        return started != nil
    }

    /// Ends the thread after what it is doing.
    func stop() {
        let wishes = state.change { state in
            state.isStopping = true
            defer { state.wishes.removeAll() }
            return state.wishes
        }
        thread.withLock { $0.take() }?.join()
        for wish in wishes { wish.settle(Failure(.stopping, "the gateway is stopping")) }
    }

    /// Has a copy made, unless it is being made already.
    ///
    /// - Parameters:
    ///   - format: in which.
    ///   - result: of which.
    ///   - tell: called once, when it is in the store or cannot be; must not block.
    func make(_ format: WeightFormat, of result: StoredResult, _ tell: @escaping @Sendable (Failure?) -> Void) {
        let key = Key(round: result.round, messageID: result.messageID, format: format.name)
        let isAccepted = state.change { state in
            guard !state.isStopping else { return false }
            if let index = state.wishes.firstIndex(where: { $0.key == key }) {
                state.wishes[index].tell.append(tell)
            } else {
                state.wishes.append(Wish(key: key, result: result, tell: [tell]))
            }
            return true
        }
        if !isAccepted { tell(Failure(.stopping, "the gateway is stopping")) }
    }

    private func run() {
        while true {
            state.wait { $0.isStopping || !$0.wishes.isEmpty ? () : nil }
            guard let wish = state.look({ $0.isStopping ? nil : $0.wishes.first }) else { return }
            let failure = attempt(wish)
            let settled = state.change { state in
                let index = state.wishes.firstIndex { $0.key == wish.key }
                return index.map { state.wishes.remove(at: $0) }
            }
            (settled ?? wish).settle(failure)
        }
    }

    private func attempt(_ wish: Wish) -> Failure? {
        let result = wish.result
        guard let format = WeightFormats.named(wish.key.format) else { return nil }
        if let now = store[result.round], now.forms[format.name] != nil || now.isExpired { return nil }
        let temporary = ResultStore.form(result.round, format.name) + ".tmp"
        do {
            let started = ContinuousClock.now
            let copy = try write(result, as: format, to: temporary)
            profile.succeeded(after: ContinuousClock.now - started, bytesIn: result.size)
            try store.addForm(format.name, of: result, copy, from: temporary)
            return nil
        } catch {
            File.remove(store.directory.file(temporary))
            profile.failed()
            if let failure = error as? WeightFailure {
                var refusal = Failure(.notAcceptable, "the result cannot be had as \(format.name): \(failure.reason)")
                refusal.array = failure.array
                refusal.name = failure.name
                return refusal
            }
            logger.warning(
                "a result cannot be written in another format",
                [("round", String(result.round)), ("format", format.name), ("reason", String(describing: error))])
            return Failure(.internalError, "the result cannot be written as \(format.name)")
        }
    }

    private func write(
        _ result: StoredResult, as format: WeightFormat, to temporary: String
    ) throws -> StoredResult.Copy {
        let target = try DigestedFile(store.directory.file(temporary))
        try File(reading: store.directory.file(ResultStore.weights(result.round))).withMapping { stream in
            let decoder = FEDWT001Decoder(limits: DecodeLimits(decodedBytes: UInt64(Int.max)))
            let dropping = DroppingSink()
            try decoder.feed(stream, to: dropping)
            let decoded = try decoder.finish(to: dropping)
            let arrays = NormalArrays(decoded, in: stream)
            let encoder = format.encoder(decoded.arrays.map(\.spec), decoded.metadata)
            do {
                try encoder.write(arrays.elements) { bytes in
                    try bytes.forEachPiece(of: Self.step) { piece in
                        try target.put(piece)
                        arrays.release(piece)
                    }
                }
            } catch { throw decoded.named(error) }
        }
        return try target.finish()
    }
}
