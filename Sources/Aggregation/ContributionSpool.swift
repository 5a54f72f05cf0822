internal import Compression
internal import Envelopes
internal import Files
internal import WeightFormats
internal import Weights

/// The counted updates of open rounds on disk: one file an update, its arrays dense, so that any range of any array is
/// one read away.
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

    /// Decodes an update into a file, or takes its file over as it is where all its arrays lie there as they shall.
    ///
    /// - Parameters:
    ///   - source: the payload.
    ///   - format: of the payload.
    ///   - filter: what was done to it before it was compressed.
    ///   - name: of the file.
    /// - Returns: the update's arrays, and where each begins in the file: dense, little-endian, in C order.
    func store(
        _ source: Source, _ format: WeightFormat, behind filter: StreamFilter, _ limits: DecodeLimits, as name: String
    ) throws -> ([ArraySpec], [Int]) {
        guard let decoder = try format.decoder(behind: filter, limits: limits) else {
            throw Unusable("format: \(format.name) is never a package's")
        }
        let path = directory.file(name)
        do {
            let decoded: DecodedWeights
            if case .chunks(let payload) = source, payload.isPlain, format.keepsBody, filter == .none {
                let dropping = DroppingSink()
                try payload.read { try decoder.feed($0, to: dropping) }
                try payload.keep(as: path)
                decoded = try decoder.finish(to: dropping)
            } else {
                let sink = try FileSink(path)
                try source.read { try decoder.feed($0, to: sink) }
                decoded = try decoder.finish(to: sink)
            }
            let specs = decoded.arrays.map(\.spec)
            let places = decoded.arrays.compactMap(\.normalPlace)
            if places.count == specs.count { return (specs, places) }
            return (specs, try normalise(decoded.arrays, name))
        } catch {
            File.remove(path)
            throw error
        }
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
