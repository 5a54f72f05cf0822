import Glibc
import Synchronization

/// Page-aligned memory for payloads, within one limit for the whole process.
///
/// Freed slabs are kept mapped and given out again: copying into pages that are already there runs at memory speed,
/// into fresh ones at a tenth of it. What is kept counts against the limit, and makes way when another size is asked for.
///
/// What others allocate beside the slabs can be reserved within the same limit, up to half of it: so bodies, which need
/// slabs to get on, are never shut out by the contexts of those that came before.
///
/// Thread: any.
public final class SlabPool: Sendable {
    private struct State {
        var lent = 0
        var cached = 0
        /// Of what is lent, bytes that are no slabs.
        var reserved = 0
        var free: [Int: [UInt]] = [:]
    }

    /// Bytes that may be mapped at one time, lent and kept together.
    public let limit: Int
    private let state = Mutex(State())
    private let onReturn: (@Sendable () -> Void)?

    /// A pool that maps nothing yet.
    ///
    /// - Parameters:
    ///   - limit: bytes, lent and kept together.
    ///   - onReturn: called after each slab and reservation that came back, on the thread that dropped it; it must not
    ///     block.
    public init(limit: Int, onReturn: (@Sendable () -> Void)? = nil) {
        self.limit = limit
        self.onReturn = onReturn
    }

    deinit {
        state.withLock { state in
            for (size, addresses) in state.free {
                for address in addresses { Self.unmap(address, size) }
            }
        }
    }

    /// Bytes that somebody holds, in slabs or reserved.
    public var lent: Int { state.withLock { $0.lent } }

    /// Bytes that are mapped, lent or kept.
    public var mapped: Int { state.withLock { $0.lent - $0.reserved + $0.cached } }

    /// A slab of at least `count` bytes, or nil when the limit does not admit one now.
    ///
    /// - Parameter count: bytes needed. Zero and less ask for the smallest slab.
    public func acquire(_ count: Int) -> Slab? { acquire(1, of: count)?.first }

    /// Several slabs of one size, or nil when the limit does not admit all of them now: who took some and waited for
    /// the others would keep them from those who do the same.
    ///
    /// - Parameters:
    ///   - number: how many.
    ///   - count: bytes needed in each. Zero and less ask for the smallest slab.
    ///   - beyondLimit: for the little that somebody needs to come to an end.
    public func acquire(_ number: Int, of count: Int, beyondLimit: Bool = false) -> [Slab]? {
        guard number > 0, count <= limit else { return number > 0 ? nil : [] }
        let size = Self.sizeClass(count)
        return state.withLock { state in
            guard beyondLimit || number <= (limit - state.lent) / size else { return nil }
            var slabs: [UnsafeMutableRawPointer] = []
            for _ in 0..<number {
                guard let base = Self.take(size, limit, &state) else {
                    // The system has no memory.
                    state.lent -= size * slabs.count
                    for base in slabs { Self.keep(base, size, &state) }
                    return nil
                }
                state.lent += size
                slabs.append(base)
            }
            return slabs.map { Slab(base: $0, capacity: size, pool: self) }
        }
    }

    /// The most that can be reserved.
    public var mostReserved: Int { limit / 2 }

    /// Takes bytes out of the limit that are no slab's, or nil when it does not admit them now.
    ///
    /// - Parameters:
    ///   - count: bytes, zero or more.
    ///   - beyondLimit: whether others' memory does not matter.
    public func reserve(_ count: Int, beyondLimit: Bool = false) -> Reservation? {
        guard count <= mostReserved else { return nil }
        let isAdmitted = state.withLock { state in
            guard beyondLimit || count <= mostReserved - state.reserved && count <= limit - state.lent else {
                return false
            }
            Self.makeRoom(for: count, limit, &state)
            state.lent += count
            state.reserved += count
            return true
        }
        return isAdmitted ? Reservation(count, self) : nil
    }

    func release(_ count: Int) {
        state.withLock { state in
            state.lent -= count
            state.reserved -= count
        }
        onReturn?()
    }

    func takeBack(_ base: UnsafeMutableRawPointer, _ size: Int) {
        state.withLock { state in
            state.lent -= size
            if state.lent + state.cached + size > limit {
                Self.unmap(UInt(bitPattern: base), size)
            } else {
                Self.keep(base, size, &state)
            }
        }
        onReturn?()
    }

    private static func keep(_ base: UnsafeMutableRawPointer, _ size: Int, _ state: inout State) {
        state.cached += size
        state.free[size, default: []].append(UInt(bitPattern: base))
    }

    private static func take(_ size: Int, _ limit: Int, _ state: inout State) -> UnsafeMutableRawPointer? {
        if let kept = state.free[size]?.popLast() {
            state.cached -= size
            return UnsafeMutableRawPointer(bitPattern: kept)
        }
        makeRoom(for: size, limit, &state)
        return map(size).flatMap { UnsafeMutableRawPointer(bitPattern: $0) }
    }

    /// The next size of four steps a doubling, so that at most a fifth of a slab is unused; 64 KiB at least.
    static func sizeClass(_ count: Int) -> Int {
        let smallest = 64 << 10
        guard count > smallest else { return smallest }
        let top = Int.bitWidth - 1 - (count - 1).leadingZeroBitCount
        let step = max(1 << (top - 2), 4096)
        return (count + step - 1) / step * step
    }

    private static func makeRoom(for size: Int, _ limit: Int, _ state: inout State) {
        for kept in state.free.keys.sorted(by: >) {
            while state.lent + state.cached + size > limit, let address = state.free[kept]?.popLast() {
                unmap(address, kept)
                state.cached -= kept
            }
        }
    }

    private static func map(_ size: Int) -> UInt? {
        guard let base = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            base != MAP_FAILED
        else { return nil }
        return UInt(bitPattern: base)
    }

    private static func unmap(_ address: UInt, _ size: Int) {
        munmap(UnsafeMutableRawPointer(bitPattern: address), size)
    }
}
