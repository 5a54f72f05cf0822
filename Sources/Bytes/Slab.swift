import Glibc

/// An owned, page-aligned region of memory that goes back to its pool when the last reference to it is dropped.
///
/// Thread: a slab has one writer at a time. Whoever fills it hands it on; after that it is only read.
/// The class is `@unchecked Sendable` because that hand-over is what orders the accesses, not a lock.
public final class Slab: @unchecked Sendable {
    /// The first byte.
    public let base: UnsafeMutableRawPointer
    /// Size in bytes, a multiple of the page size.
    public let capacity: Int
    private let pool: SlabPool

    init(base: UnsafeMutableRawPointer, capacity: Int, pool: SlabPool) {
        self.base = base
        self.capacity = capacity
        self.pool = pool
    }

    deinit { pool.takeBack(base, capacity) }

    /// The whole region.
    public var bytes: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: base, count: capacity)
    }
}
