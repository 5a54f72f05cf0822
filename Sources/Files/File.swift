internal import Glibc

/// Why the file system did not do what it was asked.
public struct FileFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was tried, and on which path.
    public let operation: String
    /// The system's number for the reason.
    public let code: Int32

    init(_ operation: String, code: Int32 = errno) {
        self.operation = operation
        self.code = code
    }

    /// For a person.
    public var description: String { "\(operation): \(String(cString: strerror(code)))" }

    /// Whether there is no such file.
    public var isMissing: Bool { code == ENOENT }
    /// Whether the disk is full, or a quota.
    public var isFull: Bool { code == ENOSPC || code == EDQUOT || code == EFBIG }
}

/// An open file, closed with its last owner.
///
/// Thread: reading at an offset any; writing one at a time.
public struct File: ~Copyable, Sendable {
    private let descriptor: Int32
    private let path: String

    /// Opens a file for reading.
    ///
    /// - Parameter path: of an existing file.
    public init(reading path: String) throws(FileFailure) {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        self.path = path
        guard descriptor >= 0 else { throw FileFailure("cannot open \(path)") }
    }

    /// Makes a file, or empties it, for reading and writing by this user alone.
    ///
    /// - Parameter path: in an existing directory.
    public init(creating path: String) throws(FileFailure) {
        descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        self.path = path
        guard descriptor >= 0 else { throw FileFailure("cannot create \(path)") }
    }

    /// Opens a file for reading and writing, as it is.
    ///
    /// - Parameter path: of an existing file.
    public init(appending path: String) throws(FileFailure) {
        descriptor = open(path, O_RDWR | O_CLOEXEC)
        self.path = path
        guard descriptor >= 0 else { throw FileFailure("cannot open \(path)") }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Its size in bytes.
    public var size: Int {
        get throws(FileFailure) {
            var status = stat()
            guard fstat(descriptor, &status) == 0 else { throw FileFailure("cannot look at \(path)") }
            return Int(status.st_size)
        }
    }

    /// Sets its size; what was not written reads as zeros and takes no space.
    ///
    /// - Parameter size: in bytes.
    public func resize(to size: Int) throws(FileFailure) {
        guard ftruncate(descriptor, size) == 0 else { throw FileFailure("cannot resize \(path) to \(size) bytes") }
    }

    /// Writes all the bytes at an offset.
    ///
    /// - Parameters:
    ///   - bytes: any number.
    ///   - offset: from the start of the file.
    public func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileFailure) {
        var done = 0
        while done < bytes.count, let base = bytes.baseAddress {
            let count = pwrite(descriptor, base + done, bytes.count - done, offset + done)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw FileFailure("cannot write to \(path)") }
            done += count
        }
    }

    /// Fills a buffer from an offset.
    ///
    /// - Parameters:
    ///   - buffer: filled whole.
    ///   - offset: from the start of the file.
    /// - Throws: `FileFailure`, also when the file ends before.
    public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileFailure) {
        var done = 0
        while done < buffer.count, let base = buffer.baseAddress {
            let count = pread(descriptor, base + done, buffer.count - done, offset + done)
            if count < 0, errno == EINTR { continue }
            if count == 0 { errno = EIO }
            guard count > 0 else { throw FileFailure("cannot read \(buffer.count) bytes at \(offset) of \(path)") }
            done += count
        }
    }

    /// Calls back with the whole file mapped, for reading.
    ///
    /// - Parameter body: the bytes are valid during the call, as long as nobody shortens the file.
    public func withMapping<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
        let size = try self.size
        guard size > 0 else { return try body(UnsafeRawBufferPointer(start: nil, count: 0)) }
        guard let base = mmap(nil, size, PROT_READ, MAP_SHARED, descriptor, 0), base != MAP_FAILED else {
            throw FileFailure("cannot map \(path)")
        }
        defer { munmap(base, size) }
        return try body(UnsafeRawBufferPointer(start: base, count: size))
    }

    /// Has the system forget its copies of bytes, as far as the disk has them too and whole pages are meant.
    func dropFromPageCache(_ bytes: Range<Int>) {
        // A length of 0 would mean all the rest.
        if !bytes.isEmpty { posix_fadvise(descriptor, bytes.lowerBound, bytes.count, POSIX_FADV_DONTNEED) }
    }

    /// Lets go of memory in which a mapped file was read; what is read there again comes from the file again.
    ///
    /// - Parameter bytes: of a mapping; whole pages within it are let go of.
    public static func release(_ bytes: UnsafeRawBufferPointer) {
        let page = 4096
        let start = (Int(bitPattern: bytes.baseAddress) + page - 1) / page * page
        let end = (Int(bitPattern: bytes.baseAddress) + bytes.count) / page * page
        guard start < end else { return }
        madvise(UnsafeMutableRawPointer(bitPattern: start), end - start, MADV_DONTNEED)
    }

    /// Lets go of memory in which a part of a mapped file was read; nothing happens to bytes from elsewhere.
    ///
    /// - Parameters:
    ///   - bytes: any.
    ///   - mapping: what is mapped.
    public static func release(_ bytes: UnsafeRawBufferPointer, in mapping: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress, let base = mapping.baseAddress else { return }
        if start >= base, start + bytes.count <= base + mapping.count { release(bytes) }
    }

    /// Deletes a file, if it is there and that is possible.
    ///
    /// - Parameter path: of the file.
    public static func remove(_ path: String) { unlink(path) }

    /// Gives a file another name; what had that name before is gone.
    ///
    /// - Parameters:
    ///   - path: its present name.
    ///   - other: its name from now on, on the same file system.
    public static func move(_ path: String, to other: String) throws(FileFailure) {
        guard rename(path, other) == 0 else { throw FileFailure("cannot rename \(path) to \(other)") }
    }

    /// Returns when the content is on the disk, and the size with it.
    public func sync() throws(FileFailure) {
        guard fdatasync(descriptor) == 0 else { throw FileFailure("cannot sync \(path)") }
    }
}
