/// A part of a pool's limit for memory that others allocate, such as a compressor's context; given back when the last
/// reference to it is dropped.
///
/// Thread: any.
public final class Reservation: Sendable {
    /// Bytes.
    public let count: Int
    private let pool: SlabPool

    init(_ count: Int, _ pool: SlabPool) {
        self.count = count
        self.pool = pool
    }

    deinit { pool.release(count) }
}
