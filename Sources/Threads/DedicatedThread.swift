internal import Glibc
internal import Synchronization

/// A thread of the operating system for work that blocks: log readers, commits, timers.
///
/// Not for the cooperative pool.
public final class DedicatedThread: Sendable {
    private final class Start: Sendable {
        let body: @Sendable () -> Void
        let name: String
        init(_ name: String, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    private let handle: Mutex<pthread_t?>

    /// Starts a thread.
    ///
    /// - Parameters:
    ///   - name: at most 15 bytes, shown by `top -H`.
    ///   - body: runs on it; the thread ends with it.
    public init?(name: String, _ body: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let start = Unmanaged.passRetained(Start(name, body))
        guard pthread_create(&thread, nil, enterThread, start.toOpaque()) == 0 else {
            start.release()
            return nil
        }
        handle = Mutex(thread)
    }

    /// Waits until the thread has ended.
    ///
    /// Not from the thread itself; a second call returns at once.
    public func join() {
        let thread = handle.withLock { handle in
            defer { handle = nil }
            return handle
        }
        if let thread { pthread_join(thread, nil) }
    }

    /// Has the calling thread run only where no other wants to, nearly, for the rest of its life.
    public static func stepBack() {
        // On Linux the priority is that of the thread, though the call says process.
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
    }

    /// Names the calling thread.
    ///
    /// Glibc's own call is not visible to Swift; a thread that stays unnamed does no harm.
    private static func setName(_ name: String) {
        let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        let bytes = Array(name.utf8.prefix(15))
        _ = write(file, bytes, bytes.count)
        close(file)
    }

    fileprivate static func run(_ context: UnsafeMutableRawPointer) {
        let start = Unmanaged<Start>.fromOpaque(context).takeRetainedValue()
        setName(start.name)
        start.body()
    }
}

/// Thread: the new one; its whole life.
private func enterThread(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let context { DedicatedThread.run(context) }
    return nil
}
