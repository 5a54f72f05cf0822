internal import Synchronization

/// Coders that wait for their next stream, since a context is dear to make.
///
/// Thread: any.
final class CoderPool: Sendable {
    static let encoders = CoderPool()
    static let decoders = CoderPool()

    private struct State {
        var kept: [Codec: [(coder: Coder, memory: Int)]] = [:]
        var memory = 0
    }

    /// Bytes of all that wait: enough for a stream on each processor, and little beside the memory for uploads.
    private static let most = 16 << 20
    private let state = Mutex(State())

    /// A coder that was kept.
    ///
    /// - Parameter memory: bytes that it may hold, so that a stream does not sit on more than it asked for.
    func take(_ codec: Codec, upTo memory: Int) -> Coder? {
        state.withLock { state in
            guard let place = state.kept[codec]?.lastIndex(where: { $0.memory <= memory }),
                let found = state.kept[codec]?.remove(at: place)
            else { return nil }
            state.memory -= found.memory
            return found.coder
        }
    }

    /// Keeps a coder, or lets go of it.
    ///
    /// - Parameter memory: bytes that it may hold.
    func give(_ coder: Coder, _ codec: Codec, memory: Int) {
        state.withLock { state in
            guard state.memory + memory <= Self.most else { return }
            state.memory += memory
            state.kept[codec, default: []].append((coder, memory))
        }
    }
}

extension Coder {
    /// One that was kept, or a new one; nil for a codec that needs none.
    static func encoder(_ codec: Codec, level: Int) throws(EngineFailure) -> Coder? {
        let memory = StreamCompressor.memory(codec, level: level)
        if let kept = CoderPool.encoders.take(codec, upTo: memory) { return kept }
        switch codec {
        case .none: return nil
        case .gzip: return Coder(try GzipEncoder())
        case .zstd: return Coder(try ZstdEncoder())
        case .lz4: return Coder(try LZ4Encoder())
        }
    }

    /// One that was kept, or a new one; nil for a codec that needs none.
    ///
    /// - Parameter memory: bytes that one that was kept may hold.
    static func decoder(_ codec: Codec, upTo memory: Int) throws(EngineFailure) -> Coder? {
        if let kept = CoderPool.decoders.take(codec, upTo: memory) { return kept }
        switch codec {
        case .none: return nil
        case .gzip: return Coder(try GzipDecoder())
        case .zstd: return Coder(try ZstdDecoder())
        case .lz4: return Coder(try LZ4Decoder())
        }
    }
}
