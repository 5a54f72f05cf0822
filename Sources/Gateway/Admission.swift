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

    /// Memory now, or a place in the queue: then the waiter is resumed when it may ask again.
    func acquire(_ count: Int, for waiter: any Waiter) -> Slab? { slabs.take(waiter) { pool.acquire(count) } }

    /// The same for memory that is no slab's.
    func reserve(_ count: Int, for waiter: any Waiter) -> Reservation? {
        reservations.take(waiter) { pool.reserve(count) }
    }

    /// Takes a waiter out of the queues, and lets the next ones ask.
    func leave(_ waiter: any Waiter) {
        slabs.leave(waiter)
        reservations.leave(waiter)
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
