/// Filters and compresses a stream that comes in pieces, as a choice says.
///
/// Thread: one at a time.
public final class FilteredCompressor {
    private enum Path {
        case plain(StreamCompressor)
        case filtered(PlaneFilter, StreamCompressor)
        case planes(PlaneFilter, PlaneCompressor)
    }

    private let path: Path

    /// A compressor for one stream.
    ///
    /// - Parameters:
    ///   - choice: filter, codec and level.
    ///   - extents: places of arrays that are known, ascending; without the filter they are not looked at.
    /// - Throws: `CompressionFailure` for a level that the codec does not have, for extents that overlap, or when
    ///   memory is short.
    public init(_ choice: CompressionChoice, extents: [PlaneExtent] = []) throws(CompressionFailure) {
        switch (choice.filter, choice.codec) {
        case (.none, let codec): path = .plain(try StreamCompressor(codec, level: choice.level))
        case (.byteplane, .zstd):
            path = .planes(try PlaneFilter(extents: extents), try PlaneCompressor(level: choice.level))
        case (.byteplane, let codec):
            path = .filtered(
                try PlaneFilter(extents: extents), try StreamCompressor(codec, level: choice.level))
        }
    }

    /// Says that the next bytes are an array's elements; without the filter nothing happens.
    ///
    /// - Parameters:
    ///   - count: elements.
    ///   - kind: what they are.
    /// - Throws: `CompressionFailure` within another array.
    public func begin(_ count: UInt64, of kind: ItemKind) throws(CompressionFailure) {
        switch path {
        case .plain: break
        case .filtered(let filter, _), .planes(let filter, _): try filter.begin(count, of: kind)
        }
    }

    /// Takes the next bytes, and hands over what is ready, which may be nothing.
    ///
    /// - Parameters:
    ///   - input: the next bytes; not kept.
    ///   - sink: takes compressed bytes, which are valid during its call only.
    /// - Throws: `CompressionFailure`, or what the sink throws; the stream is then of no use any more.
    public func write(
        _ input: UnsafeRawBufferPointer, to sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        switch path {
        case .plain(let compressor): try compressor.write(input, to: sink)
        case .filtered(let filter, let compressor):
            try filter.write(input) { try compressor.write($0.bytes, to: sink) }
        case .planes(let filter, let compressor): try filter.write(input) { try compressor.write($0, to: sink) }
        }
    }

    /// Ends the stream; nothing can be written to it any more.
    ///
    /// - Parameter sink: takes the last compressed bytes, which are valid during its call only.
    /// - Throws: `CompressionFailure` when an array is not whole, or what the sink throws.
    public func finish(to sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        switch path {
        case .plain(let compressor): try compressor.finish(to: sink)
        case .filtered(let filter, let compressor):
            try filter.finish()
            try compressor.finish(to: sink)
        case .planes(let filter, let compressor):
            try filter.finish()
            try compressor.finish(to: sink)
        }
    }
}
