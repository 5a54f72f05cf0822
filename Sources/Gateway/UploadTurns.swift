internal import Synchronization

/// Uploads and commands with an idempotency key that are under way: a second one with the same key waits for the first.
///
/// Thread: any.
final class UploadTurns: Sendable {
    struct Key: Hashable, Sendable {
        let round: Int64
        let clientID: String
        let key: String
    }

    private struct Turn {
        let owner: ObjectIdentifier
        let body: @Sendable () -> Void
    }

    private struct Line {
        var waiting: [Turn] = []
        /// Those who came before them, the first one at the end: taking it moves none of the others.
        var next: [Turn] = []
        /// Whether a body is being called, by which the next one is called, too.
        var isCalling = true
        /// Whether the key was given back by then.
        var isGivenBack = false

        mutating func takeFirst() -> Turn? {
            if next.isEmpty {
                next = waiting.reversed()
                waiting = []
            }
            return next.popLast()
        }

        mutating func take(of owner: ObjectIdentifier) -> Turn? {
            if let index = next.lastIndex(where: { $0.owner == owner }) { return next.remove(at: index) }
            return waiting.firstIndex { $0.owner == owner }.map { waiting.remove(at: $0) }
        }
    }

    private let lines = Mutex<[Key: Line]>([:])

    /// Calls `body` now when no other has the key, else when it was given back; each call needs an `end`.
    ///
    /// - Parameter owner: kept alive by `body`.
    func begin(_ key: Key, for owner: AnyObject, _ body: @escaping @Sendable () -> Void) {
        let isFirst = lines.withLock { lines in
            guard lines[key] != nil else {
                lines[key] = Line()
                return true
            }
            lines[key]?.waiting.append(Turn(owner: ObjectIdentifier(owner), body: body))
            return false
        }
        if isFirst { call(body, key) }
    }

    /// Drops the turn of one that still waits for it: it needs no `end`.
    func leave(_ key: Key, _ owner: AnyObject) {
        let dropped = lines.withLock { $0[key]?.take(of: ObjectIdentifier(owner)) }
        // Released outside the lock, with what its body holds.
        _ = dropped
    }

    /// Gives the key to the next.
    func end(_ key: Key) {
        let next = lines.withLock { lines -> Turn? in
            guard lines[key]?.isCalling == false else {
                lines[key]?.isGivenBack = true
                return nil
            }
            return Self.next(key, &lines)
        }
        if let next { call(next.body, key) }
    }

    /// Calls one body after the other, for as long as each gives the key back before it returns.
    ///
    /// A body that called the next one would be on the stack below it, and a line of thousands would overflow that.
    private func call(_ first: @Sendable () -> Void, _ key: Key) {
        first()
        while let next = lines.withLock({ lines -> Turn? in
            lines[key]?.isCalling = false
            return lines[key]?.isGivenBack == true ? Self.next(key, &lines) : nil
        }) { next.body() }
    }

    /// Whose turn it is; where nobody waits the line is gone.
    private static func next(_ key: Key, _ lines: inout [Key: Line]) -> Turn? {
        guard let next = lines[key]?.takeFirst() else {
            lines[key] = nil
            return nil
        }
        lines[key]?.isCalling = true
        lines[key]?.isGivenBack = false
        return next
    }
}
