internal import Digests
internal import Files

/// A file that is being written, and its digest.
final class DigestedFile {
    private let file: File
    private var digest = SHA256()
    private(set) var size = 0

    init(_ path: String) throws(FileFailure) { file = try File(creating: path) }

    func put(_ bytes: UnsafeRawBufferPointer) throws {
        digest.update(bytes)
        try file.write(bytes, at: size)
        size += bytes.count
    }

    /// Returns when it is on the disk.
    func finish() throws -> StoredResult.Copy {
        try file.sync()
        var whole = SHA256()
        swap(&whole, &digest)
        return StoredResult.Copy(digest: Hex.encode(whole.finalize()), size: size)
    }
}
