internal import Glibc

extension File {
    /// The bytes of a small file.
    ///
    /// They are read to the file's end, not mapped: so it may be written to meanwhile, and may be a pipe.
    ///
    /// - Parameters:
    ///   - path: of the file.
    ///   - most: bytes that it may have.
    /// - Throws: `FileFailure`, also when the file is larger.
    public static func contents(of path: String, atMost most: Int) throws(FileFailure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileFailure("cannot open \(path)") }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = Glibc.read(descriptor, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileFailure("cannot read \(path)") }
            guard count > 0 else { return bytes }
            guard bytes.count + count <= most else {
                throw FileFailure("\(path) has more than \(most) bytes", code: EFBIG)
            }
            bytes += piece[..<count]
        }
    }
}
