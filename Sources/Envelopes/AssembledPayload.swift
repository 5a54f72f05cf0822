internal import Compression
public import Files

/// A payload that came in chunks, complete and verified; what its spool copied goes with it unless it is kept.
///
/// Thread: one at a time.
public final class AssembledPayload {
    /// Bytes that are read at a time.
    private static let step = 256 << 10

    private let message: UnfinishedMessage
    private let compression: Codec
    private let originalSize: Int

    init(_ message: UnfinishedMessage, _ header: PackageHeader) {
        self.message = message
        compression = header.compression
        originalSize = header.originalSize
    }

    /// Offset of its first chunk in the partition.
    public var firstOffset: Int64 { message.first }

    /// Whether the chunks are the payload itself, not compressed.
    public var isPlain: Bool { compression == .none }

    /// Hands over the payload, decompressed, in order.
    ///
    /// - Parameter body: its bytes are valid during the call.
    /// - Throws: `EnvelopeFailure` when it is not what the header says, `FileFailure`, and what `body` throws.
    public func read(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        var given = 0
        func give(_ piece: UnsafeRawBufferPointer) throws {
            given += piece.count
            guard given <= originalSize else {
                throw EnvelopeFailure("package.original_size", "\(originalSize) bytes do not hold the payload")
            }
            try body(piece)
        }
        let stream = compression == .none ? nil : PayloadDecompression.stream(compression, originalSize)
        let chunks = FileExtentReader(message.payload)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.step, alignment: 4096)
        defer { buffer.deallocate() }
        for start in Swift.stride(from: 0, to: message.size, by: Self.step) {
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(Self.step, message.size - start)])
            try chunks.read(into: part, at: start)
            let piece = UnsafeRawBufferPointer(part)
            guard let stream else {
                try give(piece)
                continue
            }
            do { try stream.write(piece, to: give) } catch let failure as CompressionFailure {
                throw EnvelopeFailure(failure, originalSize)
            }
        }
        do { try stream?.finish { _ in } } catch let failure as CompressionFailure {
            throw EnvelopeFailure(failure, originalSize)
        }
        guard given == originalSize else {
            throw EnvelopeFailure("package.original_size", "is \(originalSize), but the payload has \(given) bytes")
        }
    }

    /// Gives what its spool copied, which may be nothing, the name of a file under which it stays.
    ///
    /// - Parameter path: on the same file system.
    /// - Returns: where the chunks lie from now on.
    @discardableResult
    public func keep(as path: String) throws -> FileExtents {
        if message.copied > 0 { try File.move(message.path, to: path) }
        message.isKept = true
        return message.payload.moved(message.path, to: path)
    }
}
