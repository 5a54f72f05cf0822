internal import Synchronization

/// Coders that wait for their next stream, since a context is dear to make.
///
/// Thread: any.
final class CoderPool: Sendable {
    static let encoders = CoderPool()
    static let decoders = CoderPool()

    /// A codec's more than streams at one time on the processors of one machine, usually.
    private static let mostKept = 16
    /// A context that a large window has made larger than this is given back to the system.
    private static let largestKept = 16 << 20
    private let kept = Mutex<[Codec: [Coder]]>([:])

    func take(_ codec: Codec) -> Coder? { kept.withLock { $0[codec]?.popLast() } }

    func give(_ coder: Coder, _ codec: Codec) {
        guard coder.engine.memory <= Self.largestKept else { return }
        kept.withLock { if $0[codec, default: []].count < Self.mostKept { $0[codec, default: []].append(coder) } }
    }
}

extension Coder {
    /// One that was kept, or a new one; nil for a codec that needs none.
    static func encoder(_ codec: Codec) throws(EngineFailure) -> Coder? {
        if let kept = CoderPool.encoders.take(codec) { return kept }
        switch codec {
        case .none: return nil
        case .gzip: return Coder(try GzipEncoder())
        case .zstd: return Coder(try ZstdEncoder())
        case .lz4: return Coder(try LZ4Encoder())
        }
    }

    /// One that was kept, or a new one; nil for a codec that needs none.
    static func decoder(_ codec: Codec) throws(EngineFailure) -> Coder? {
        if let kept = CoderPool.decoders.take(codec) { return kept }
        switch codec {
        case .none: return nil
        case .gzip: return Coder(try GzipDecoder())
        case .zstd: return Coder(try ZstdDecoder())
        case .lz4: return Coder(try LZ4Decoder())
        }
    }
}
