internal import Digests
internal import Files

/// The chunks of one message, one behind the other in a file that goes with it.
final class UnfinishedMessage {
    let path: String
    /// Offset of the first chunk in its partition.
    let first: Int64
    let file: File
    private(set) var touched = ContinuousClock.now
    private(set) var size = 0
    private var digest = SHA256()
    /// Where each chunk ends.
    private var ends: [Int] = []
    /// Why it can never be complete.
    private var flaw: String?
    /// Whether the file was given away.
    var isKept = false

    init(path: String, first: Int64) throws {
        self.path = path
        self.first = first
        file = try File(creating: path)
    }

    deinit { if !isKept { File.remove(path) } }

    /// Takes the next chunk, or one that came before.
    ///
    /// - Returns: the bytes by which the message grew.
    func take(_ value: UnsafeRawBufferPointer, _ index: Int) throws -> Int {
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
        try file.write(value, at: size)
        digest.update(value)
        size += value.count
        ends.append(size)
        return value.count
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
        try file.read(into: stored, at: start)
        return stored.elementsEqual(value)
    }
}
