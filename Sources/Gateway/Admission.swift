internal import Bytes
internal import Synchronization

/// Memory for bodies and for what works on them, first come, first served: who does not get any is suspended until
/// somebody gives some back.
///
/// Thread: any.
final class Admission: Sendable {
    private let pool: SlabPool
    private let slabs = WaitingLine()
    /// Those that want memory which is no slab's have a line of their own, so that they do not hold up bodies.
    private let reservations = WaitingLine()
    private let holders = Holders()

    /// - Parameter limit: bytes of payload memory for the whole gateway.
    init(limit: Int) {
        let wake = Wake()
        pool = SlabPool(limit: limit, onReturn: { wake.call() })
        wake.admission.withLock { $0 = WeakAdmission(self) }
    }

    var limit: Int { pool.limit }
    /// The most that can be reserved at one time.
    var mostReserved: Int { pool.mostReserved }
    var lent: Int { pool.lent }
    var waiting: Int { slabs.count + reservations.count }

    /// Slabs now, or a place in the queue: then the waiter is resumed when it may ask again.
    ///
    /// Who waits gives back the slabs that it has: a holder that waited behind others could wait for ever.
    func acquire(_ number: Int, of count: Int, for waiter: any Waiter) -> [Slab]? {
        number > 0 ? slabs.take(waiter) { pool.acquire(number, of: count) } : []
    }

    /// The slabs that a body needs to be ended, whatever the limit; nil when the system has no memory.
    func finish(_ number: Int, of count: Int) -> [Slab]? { pool.acquire(number, of: count, beyondLimit: true) }

    /// The same for memory that is no slab's.
    ///
    /// Contexts cannot be given back by who waits for another one. So that those who hold some never all wait for one
    /// another, one of them at a time gets what it wants beyond the limit.
    func reserve(_ count: Int, for waiter: any Waiter) -> Reservation? {
        if let memory = reservations.take(waiter, { pool.reserve(count) }) {
            holders.note(waiter)
            return memory
        }
        // It does not hold up those behind it in the other line.
        slabs.leave(waiter)
        slabs.wake()
        guard holders.mayGoFirst(waiter), let memory = pool.reserve(count, beyondLimit: true) else { return nil }
        reservations.leave(waiter)
        reservations.wake()
        return memory
    }

    /// Takes a waiter out of the queues, and lets the next ones ask.
    func leave(_ waiter: any Waiter) {
        slabs.leave(waiter)
        reservations.leave(waiter)
        holders.leave(waiter)?.resume()
        wake()
    }

    /// Lets the first of each queue ask again.
    func wake() {
        slabs.wake()
        reservations.wake()
    }
}

/// Those that wait for one kind of memory.
///
/// Thread: any.
private final class WaitingLine: Sendable {
    private let waiting = Mutex<[any Waiter]>([])

    var count: Int { waiting.withLock { $0.count } }

    /// What `take` gives, if it is the waiter's turn, or a place in the line.
    func take<Memory>(_ waiter: any Waiter, _ take: () -> Memory?) -> Memory? {
        let (memory, next) = waiting.withLock { waiting -> (Memory?, (any Waiter)?) in
            let place = waiting.firstIndex { $0 === waiter }
            if place == 0 || waiting.isEmpty, let memory = take() {
                if place == 0 { waiting.removeFirst() }
                return (memory, waiting.first)
            }
            if place == nil { waiting.append(waiter) }
            return (nil, nil)
        }
        // More may have come back than this one took, and nobody else will say so.
        next?.resume()
        return memory
    }

    func leave(_ waiter: any Waiter) { waiting.withLock { $0.removeAll { $0 === waiter } } }

    func wake() { waiting.withLock { $0.first }?.resume() }
}

/// Those that have reserved memory, of whom one at a time goes before all others.
///
/// Thread: any.
private final class Holders: Sendable {
    private struct State {
        var all: Set<ObjectIdentifier> = []
        var first: ObjectIdentifier?
        /// Who wanted to be the first.
        var waiting: [any Waiter] = []
    }

    private let state = Mutex(State())

    func note(_ waiter: any Waiter) {
        state.withLock { state in
            state.all.insert(ObjectIdentifier(waiter))
            state.waiting.removeAll { $0 === waiter }
        }
    }

    /// Whether it is the one; if not, it is resumed when it may ask again.
    func mayGoFirst(_ waiter: any Waiter) -> Bool {
        state.withLock { state in
            let id = ObjectIdentifier(waiter)
            guard state.all.contains(id) else { return false }
            if state.first == nil { state.first = id }
            let isFirst = state.first == id
            state.waiting.removeAll { $0 === waiter }
            if !isFirst { state.waiting.append(waiter) }
            return isFirst
        }
    }

    /// Forgets it, and says who may be the first then.
    func leave(_ waiter: any Waiter) -> (any Waiter)? {
        state.withLock { state in
            let id = ObjectIdentifier(waiter)
            state.all.remove(id)
            state.waiting.removeAll { $0 === waiter }
            guard state.first == id else { return nil }
            state.first = nil
            return state.waiting.first
        }
    }
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
