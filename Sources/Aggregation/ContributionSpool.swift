internal import Compression
internal import Envelopes
internal import Files
internal import WeightFormats
internal import Weights

/// The counted updates of open rounds on disk, their arrays dense, so that any range of any array is one read away: in the
/// log's own files where they lie there as they shall, otherwise in one file an update.
///
/// The files are a cache of the log: they are dropped at start and written again from it.
///
/// Thread: one.
final class ContributionSpool {
    private static let block = 64 << 10

    private let directory: Directory
    private var scratch = MappedMemory()

    init(_ path: String) throws(FileFailure) {
        directory = try Directory(making: path)
        for name in try directory.names { try directory.remove(name) }
    }

    /// Where an update's payload is.
    enum Source {
        case memory(UnsafeRawBufferPointer)
        case chunks(AssembledPayload)

        func read(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
            switch self {
            case .memory(let bytes): try body(bytes)
            case .chunks(let payload): try payload.read(body)
            }
        }
    }

    /// An update's arrays, where they lie, and where each begins there: dense, little-endian, in C order.
    struct Stored {
        let arrays: [ArraySpec]
        let bytes: FileExtents
        let offsets: [Int]
    }

    /// Decodes an update into a file, or leaves it where it is when all its arrays lie there as they shall.
    ///
    /// - Parameters:
    ///   - source: the payload.
    ///   - format: of the payload.
    ///   - filter: what was done to it before it was compressed.
    ///   - name: of the file.
    func store(
        _ source: Source, _ format: WeightFormat, behind filter: StreamFilter, _ limits: DecodeLimits, as name: String
    ) throws -> Stored {
        let path = directory.file(name)
        func makeDecoder() throws -> any WeightDecoder {
            if let decoder = try format.decoder(behind: filter, limits: limits) { return decoder }
            throw Unusable("format: \(format.name) is never a package's")
        }
        do {
            if case .chunks(let payload) = source, payload.isPlain, format.keepsBody, filter == .none,
                let stored = try takeOver(payload, decode(source, by: makeDecoder(), to: DroppingSink()), as: path)
            {
                return stored
            }
            let arrays = try decode(source, by: makeDecoder(), to: FileSink(path))
            let places = arrays.compactMap(\.normalPlace)
            let offsets = places.count == arrays.count ? places : try normalise(arrays, name)
            var bytes = FileExtents()
            bytes.append(FileExtent(path: path, start: 0, count: try open(name).size))
            return Stored(arrays: arrays.map(\.spec), bytes: bytes, offsets: offsets)
        } catch {
            File.remove(path)
            throw error
        }
    }

    private func decode(
        _ source: Source, by decoder: any WeightDecoder, to sink: any ElementSink
    ) throws -> [DecodedArray] {
        do {
            try source.read { try decoder.feed($0, to: sink) }
            return try decoder.finish(to: sink).arrays
        } catch { throw decoder.named(error) }
    }

    /// Leaves a payload where it lies; nil when an array does not lie there as it shall.
    private func takeOver(
        _ payload: AssembledPayload, _ arrays: [DecodedArray], as path: String
    ) throws -> Stored? {
        let places = arrays.compactMap(\.normalPlace)
        guard places.count == arrays.count else { return nil }
        return Stored(arrays: arrays.map(\.spec), bytes: try payload.keep(as: path), offsets: places)
    }

    /// Writes the file again, with every array as it shall lie.
    private func normalise(_ arrays: [DecodedArray], _ name: String) throws -> [Int] {
        let raw = name + ".raw"
        try File.move(directory.file(name), to: directory.file(raw))
        defer { File.remove(directory.file(raw)) }
        let file = try File(creating: directory.file(name))
        try file.resize(to: arrays.reduce(0) { $0 + $1.spec.byteCount })
        var offsets: [Int] = []
        var offset = 0
        try File(reading: directory.file(raw)).withMapping { stream in
            for array in arrays {
                if let place = array.normalPlace {
                    let bytes = stream[place..<place + array.spec.byteCount]
                    try file.write(UnsafeRawBufferPointer(rebasing: bytes), at: offset)
                } else {
                    let dense = try scratch.zeroed(array.spec.byteCount)
                    try array.normalise(stream, into: dense)
                    try write(UnsafeRawBufferPointer(dense), in: file, at: offset)
                }
                offsets.append(offset)
                offset += array.spec.byteCount
            }
        }
        _ = try scratch.zeroed(0)
        return offsets
    }

    /// Blocks of zeros stay holes, so that a sparse update costs what it holds.
    private func write(_ dense: UnsafeRawBufferPointer, in file: borrowing File, at offset: Int) throws {
        for start in stride(from: 0, to: dense.count, by: Self.block) {
            let block = UnsafeRawBufferPointer(rebasing: dense[start..<min(start + Self.block, dense.count)])
            if block.contains(where: { $0 != 0 }) { try file.write(block, at: offset + start) }
        }
    }

    func open(_ name: String) throws(FileFailure) -> File { try File(reading: directory.file(name)) }

    func create(_ name: String) throws(FileFailure) -> File { try File(creating: directory.file(name)) }

    func remove(_ name: String) throws(FileFailure) { try directory.remove(name) }
}

extension DecodedArray {
    /// Where its elements begin, when they lie as they shall.
    fileprivate var normalPlace: Int? {
        if case .dense(let bytes, nil, false) = storage { bytes.lowerBound } else { nil }
    }
}
