internal import Bytes
internal import Synchronization

/// Memory for bodies, first come, first served: who does not get any is suspended until somebody gives some back.
///
/// Thread: any.
final class Admission: Sendable {
    private struct State {
        var waiting: [any Waiter] = []
    }

    private let pool: SlabPool
    private let state = Mutex(State())

    /// - Parameter limit: bytes of payload memory for the whole gateway.
    init(limit: Int) {
        let wake = Wake()
        pool = SlabPool(limit: limit, onReturn: { wake.call() })
        wake.admission.withLock { $0 = WeakAdmission(self) }
    }

    var limit: Int { pool.limit }
    var lent: Int { pool.lent }
    var waiting: Int { state.withLock { $0.waiting.count } }

    /// Memory now, or a place in the queue: then the waiter is resumed when it may ask again.
    func acquire(_ count: Int, for waiter: any Waiter) -> Slab? {
        let (slab, next) = state.withLock { state -> (Slab?, (any Waiter)?) in
            let place = state.waiting.firstIndex { $0 === waiter }
            if place == 0 || state.waiting.isEmpty, let slab = pool.acquire(count) {
                if place == 0 { state.waiting.removeFirst() }
                return (slab, state.waiting.first)
            }
            if place == nil { state.waiting.append(waiter) }
            return (nil, nil)
        }
        // More may have come back than this one took, and nobody else will say so.
        next?.resume()
        return slab
    }

    /// Takes a waiter out of the queue, and lets the next one ask.
    func leave(_ waiter: any Waiter) {
        state.withLock { $0.waiting.removeAll { $0 === waiter } }
        wake()
    }

    /// Lets the first in the queue ask again.
    func wake() { state.withLock { $0.waiting.first }?.resume() }
}

/// The pool is made before the admission that it calls back.
private final class Wake: Sendable {
    let admission = Mutex<WeakAdmission?>(nil)

    func call() { admission.withLock { $0?.value }?.wake() }
}

/// Thread: any; weak references are loaded atomically.
private final class WeakAdmission: @unchecked Sendable {
    weak var value: Admission?

    init(_ value: Admission) { self.value = value }
}
