internal import Glibc

/// A directory in which a component keeps its files.
public struct Directory: Sendable, Hashable {
    /// Its path.
    public let path: String

    /// A directory, made when it is missing, its parents too.
    ///
    /// - Parameter path: absolute or relative.
    public init(making path: String) throws(FileFailure) {
        self.path = path
        var partial = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            partial += part
            if mkdir(partial, 0o700) != 0, errno != EEXIST { throw FileFailure("cannot make the directory \(partial)") }
            partial += "/"
        }
        guard access(path, W_OK | X_OK) == 0 else { throw FileFailure("cannot write in the directory \(path)") }
    }

    /// The path of a file in it.
    ///
    /// - Parameter name: without a slash.
    public func file(_ name: String) -> String { path + "/" + name }

    /// The names of what is in it, sorted.
    public var names: [String] {
        get throws(FileFailure) {
            guard let stream = opendir(path) else { throw FileFailure("cannot list \(path)") }
            defer { closedir(stream) }
            var names: [String] = []
            while let entry = readdir(stream) {
                let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                }
                if name != ".", name != ".." { names.append(name) }
            }
            return names.sorted()
        }
    }

    /// Deletes a file, if it is there.
    ///
    /// - Parameter name: of a file in it.
    public func remove(_ name: String) throws(FileFailure) {
        if unlink(file(name)) != 0, errno != ENOENT { throw FileFailure("cannot delete \(file(name))") }
    }

    /// Gives a finished file its name, and returns when the name is on the disk.
    ///
    /// - Parameters:
    ///   - temporary: its present name.
    ///   - name: its name from now on; what had it before is gone.
    public func rename(_ temporary: String, to name: String) throws(FileFailure) {
        guard Glibc.rename(file(temporary), file(name)) == 0 else {
            throw FileFailure("cannot rename \(file(temporary))")
        }
        try sync()
    }

    /// Returns when the names of its files are on the disk.
    public func sync() throws(FileFailure) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileFailure("cannot open \(path)") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw FileFailure("cannot sync \(path)") }
    }
}
