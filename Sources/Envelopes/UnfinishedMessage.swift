internal import Digests
internal import Files

/// The chunks of one message: where they lie in files of the log's, or in a file that goes with it.
final class UnfinishedMessage {
    /// Of its own file.
    let path: String
    /// Offset of the first chunk in its partition.
    let first: Int64
    /// Bytes in its own file, which is there as soon as it has some.
    private(set) var copied = 0
    /// All chunks, one behind the other.
    private(set) var payload = FileExtents()
    private(set) var touched = ContinuousClock.now
    private var digest = SHA256()
    /// Where each chunk ends.
    private var ends: [Int] = []
    /// Why it can never be complete.
    private var flaw: String?
    /// Whether its own file was given away.
    var isKept = false

    init(path: String, first: Int64) {
        self.path = path
        self.first = first
    }

    deinit { if !isKept, copied > 0 { File.remove(path) } }

    /// Takes the next chunk, or one that came before.
    ///
    /// - Parameter extent: where it lies and stays; nil copies it.
    /// - Returns: the bytes by which the message grew.
    func take(_ value: UnsafeRawBufferPointer, _ index: Int, lyingAt extent: FileExtent?) throws -> Int {
        touched = .now
        guard flaw == nil else { return 0 }
        if index < ends.count {
            if try !isEqual(value, index) { flaw = "chunk \(index) came twice with different bytes" }
            return 0
        }
        guard index == ends.count else {
            flaw = "chunk \(ends.count) is missing: \(index) came instead"
            return 0
        }
        try payload.append(extent ?? copy(value))
        digest.update(value)
        ends.append(size)
        return value.count
    }

    /// Bytes of all chunks.
    var size: Int { payload.count }

    private func copy(_ value: UnsafeRawBufferPointer) throws(FileFailure) -> FileExtent {
        // Opened for each chunk: there may be thousands of messages that never come to their end.
        let file = copied == 0 ? try File(creating: path) : try File(appending: path)
        try file.write(value, at: copied)
        defer { copied += value.count }
        return FileExtent(path: path, start: copied, count: value.count)
    }

    /// The checksum of all chunks, when they are those that the commit record names.
    func finish(_ list: ChunkList) throws(EnvelopeFailure) -> String {
        if let flaw { throw EnvelopeFailure("package.chunks", flaw) }
        guard ends.count == list.count, size == list.size else {
            throw EnvelopeFailure(
                "package.chunks", "\(list.count) chunks of \(list.size) bytes, but \(ends.count) of \(size) are there")
        }
        var whole = SHA256()
        swap(&whole, &digest)
        return Hex.encode(whole.finalize())
    }

    private func isEqual(_ value: UnsafeRawBufferPointer, _ index: Int) throws -> Bool {
        let start = index == 0 ? 0 : ends[index - 1]
        guard ends[index] - start == value.count else { return false }
        let stored = UnsafeMutableRawBufferPointer.allocate(byteCount: value.count, alignment: 16)
        defer { stored.deallocate() }
        try FileExtentReader(payload).read(into: stored, at: start)
        return stored.elementsEqual(value)
    }
}
