internal import Glibc

/// Waits for the signals that end a server, or have it read its settings again.
///
/// They are blocked before any thread is made, so that all threads inherit that and only `wait` gets them.
enum Signals {
    static func block() {
        var set = ending
        pthread_sigmask(SIG_BLOCK, &set, nil)
        signal(SIGPIPE, SIG_IGN)
    }

    /// Returns the signal's number.
    static func wait() -> Int32 {
        var set = ending
        var number: Int32 = 0
        while sigwait(&set, &number) != 0 {}
        return number
    }

    /// Whether one came within a second.
    static func cameWithinASecond() -> Bool {
        var set = ending
        var second = timespec(tv_sec: 1, tv_nsec: 0)
        let signal = sigtimedwait(&set, nil, &second)
        return signal > 0 && signal != SIGHUP
    }

    private static var ending: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGINT)
        sigaddset(&set, SIGTERM)
        sigaddset(&set, SIGHUP)
        return set
    }
}
