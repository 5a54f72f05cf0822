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

    /// Writes an update that is in memory.
    ///
    /// - Parameter name: of the file.
    /// - Returns: where each array of the view begins in the file.
    func store(_ view: FEDWT001View, as name: String) throws -> [Int] {
        let file = try File(creating: directory.file(name))
        try file.resize(to: view.arrays.reduce(0) { $0 + $1.byteCount })
        var offsets: [Int] = []
        var offset = 0
        for (index, spec) in view.arrays.enumerated() {
            switch view.contents(of: index) {
            case .dense(let bytes): try file.write(bytes, at: offset)
            case .sparse(let contents): try store(contents, spec, in: file, at: offset)
            }
            offsets.append(offset)
            offset += spec.byteCount
        }
        return offsets
    }

    /// Takes over an update that came in chunks; where all its arrays are dense, nothing is copied.
    ///
    /// - Parameter name: of the file.
    /// - Returns: the update's arrays, and where each begins in the file.
    func store(
        _ payload: AssembledPayload, _ limits: FEDWT001Validator.Limits, as name: String
    ) throws -> ([ArraySpec], [Int]) {
        let path = directory.file(name)
        do {
            var validator = FEDWT001Validator(limits: limits)
            if payload.isPlain {
                try payload.read { try validator.feed($0) }
                try payload.keep(as: path)
            } else {
                let file = try File(creating: path)
                var written = 0
                try payload.read { piece in
                    try validator.feed(piece)
                    try file.write(piece, at: written)
                    written += piece.count
                }
            }
            try validator.finish()
            let bodies = validator.bodies
            if bodies.allSatisfy({ !$0.isSparse }) { return (validator.arrays, bodies.map { Int($0.start) }) }
            let sparse = name + ".sparse"
            try File.move(path, to: directory.file(sparse))
            defer { File.remove(directory.file(sparse)) }
            let offsets = try File(reading: directory.file(sparse)).withMapping { bytes in
                try store(try FEDWT001View(bytes, limits: limits), as: name)
            }
            return (validator.arrays, offsets)
        } catch {
            File.remove(path)
            throw error
        }
    }

    /// Blocks of zeros stay holes, so that a sparse update costs what it holds.
    private func store(
        _ contents: SparseContents, _ spec: ArraySpec, in file: borrowing File, at offset: Int
    ) throws {
        let dense = try scratch.zeroed(spec.byteCount)
        let size = spec.dtype.itemSize
        for index in 0..<contents.count {
            let value = UnsafeRawBufferPointer(rebasing: contents.values[index * size..<(index + 1) * size])
            let element = contents.linearIndex(index) * size
            UnsafeMutableRawBufferPointer(rebasing: dense[element..<element + size]).copyMemory(from: value)
        }
        for start in stride(from: 0, to: dense.count, by: Self.block) {
            let block = UnsafeRawBufferPointer(rebasing: dense[start..<min(start + Self.block, dense.count)])
            if block.contains(where: { $0 != 0 }) { try file.write(block, at: offset + start) }
        }
        _ = try scratch.zeroed(0)
    }

    func open(_ name: String) throws(FileFailure) -> File { try File(reading: directory.file(name)) }

    func create(_ name: String) throws(FileFailure) -> File { try File(creating: directory.file(name)) }

    func remove(_ name: String) throws(FileFailure) { try directory.remove(name) }
}
