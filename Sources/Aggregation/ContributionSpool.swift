internal import Files
internal import WeightFormats
internal import Weights

/// The counted updates of open rounds on disk: one file an update, its arrays dense and in the order of the round's
/// first update, so that any range of any array is one read away.
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

    /// Writes one update.
    ///
    /// - Parameters:
    ///   - partners: for each array of the round, the index of its partner in the view.
    ///   - name: of the file.
    func store(_ view: FEDWT001View, partners: [Int], as name: String) throws {
        let file = try File(creating: directory.file(name))
        try file.resize(to: partners.reduce(0) { $0 + view.arrays[$1].byteCount })
        var offset = 0
        for index in partners {
            let spec = view.arrays[index]
            switch view.contents(of: index) {
            case .dense(let bytes): try file.write(bytes, at: offset)
            case .sparse(let contents): try store(contents, spec, in: file, at: offset)
            }
            offset += spec.byteCount
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
