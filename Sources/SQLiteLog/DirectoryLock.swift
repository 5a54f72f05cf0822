internal import EventLog
internal import Glibc
internal import Synchronization

/// Makes sure that one process has the directory.
///
/// The system gives the lock up with the process, however it ends.
final class DirectoryLock: Sendable {
    private let descriptor: Mutex<Int32>

    init(_ directory: String) throws(LogFailure) {
        let path = directory + "/lock"
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            throw LogFailure(.unreachable, "cannot open \(path): \(String(cString: strerror(errno)))")
        }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            var buffer = [UInt8](repeating: 0, count: 32)
            let count = max(0, read(file, &buffer, buffer.count))
            close(file)
            let holder = String(decoding: buffer[..<count], as: UTF8.self)
            throw LogFailure(.unreachable, "the directory \(directory) is in use by process \(holder)")
        }
        let holder = Array(String(getpid()).utf8)
        ftruncate(file, 0)
        _ = pwrite(file, holder, holder.count, 0)
        descriptor = Mutex(file)
    }

    deinit { release() }

    func release() {
        descriptor.withLock { file in
            if file >= 0 { close(file) }
            file = -1
        }
    }
}
