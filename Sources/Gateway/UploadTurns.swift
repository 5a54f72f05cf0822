internal import Synchronization

/// Uploads with an idempotency key that are under way: a second one with the same key waits for the first.
///
/// Thread: any.
final class UploadTurns: Sendable {
    struct Key: Hashable, Sendable {
        let round: Int64
        let clientID: String
        let key: String
    }

    private let waiting = Mutex<[Key: [@Sendable () -> Void]]>([:])

    /// Calls `body` now when no other has the key, else when it was given back; each call needs an `end`.
    func begin(_ key: Key, _ body: @escaping @Sendable () -> Void) {
        let isFirst = waiting.withLock { waiting in
            guard waiting[key] != nil else {
                waiting[key] = []
                return true
            }
            waiting[key]?.append(body)
            return false
        }
        if isFirst { body() }
    }

    /// Gives the key to the next.
    func end(_ key: Key) {
        let next = waiting.withLock { waiting -> (@Sendable () -> Void)? in
            guard var queue = waiting[key], !queue.isEmpty else {
                waiting[key] = nil
                return nil
            }
            let next = queue.removeFirst()
            waiting[key] = queue
            return next
        }
        next?()
    }
}
