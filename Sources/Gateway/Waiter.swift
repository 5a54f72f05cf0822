internal import MicroHTTP
internal import Threads

/// Who waits for memory or for the log, and asks again when told to.
///
/// Thread: any; `resume` does not block, and may come when nobody waits.
protocol Waiter: AnyObject, Sendable {
    func resume()
}

extension Exchange: Waiter {}

/// A thread that waits.
final class BlockingWaiter: Waiter {
    private let isCalled = Monitor(false)

    func resume() { isCalled.change { $0 = true } }

    /// Blocks until `resume` is called, or was since the last wait.
    func wait() {
        isCalled.wait { isCalled -> Void? in
            defer { isCalled = false }
            return isCalled ? () : nil
        }
    }
}
