/// Bytes between planes, that share a frame.
///
/// Few of them, as an array's head is, wait here and become a small frame at once; when there are more, a stream takes
/// them as they come.
struct LooseBytes: ~Copyable {
    /// A context's tables are made for the size of what it compresses, so that a small frame costs little.
    private static let most = 32 << 10

    private let level: Int
    private let waiting = UnsafeMutableRawBufferPointer.allocate(byteCount: most, alignment: 64)
    private var count = 0
    private var stream: StreamCompressor?

    init(level: Int) { self.level = level }

    deinit { waiting.deallocate() }

    /// Takes bytes.
    mutating func write(
        _ bytes: UnsafeRawBufferPointer, to sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        if let stream { return try stream.write(bytes, to: sink) }
        guard count + bytes.count > Self.most else {
            UnsafeMutableRawBufferPointer(rebasing: waiting[count...]).copyMemory(from: bytes)
            return count += bytes.count
        }
        let stream = try StreamCompressor(.zstd, level: level)
        self.stream = stream
        try stream.write(UnsafeRawBufferPointer(rebasing: waiting[..<count]), to: sink)
        count = 0
        try stream.write(bytes, to: sink)
    }

    /// Ends the frame, when there is one.
    mutating func end(_ coder: PlaneCoder, to sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        if let stream {
            try stream.finish(to: sink)
            self.stream = nil
        } else if count > 0 {
            let bytes = UnsafeRawBufferPointer(rebasing: waiting[..<count])
            count = 0
            var frame: UnsafeRawBufferPointer?
            do throws(EngineFailure) { frame = try coder.frame(bytes, below: bytes.count, .level) } catch {
                throw CompressionFailure("zstd: \(error.reason)", at: 0)
            }
            if let frame { try sink(frame) } else { try StoredFrame.write(bytes, to: sink) }
        }
    }
}
