internal import Glibc

/// Zeroed memory outside the heap that grows by being asked for more; its pages exist once they are touched.
///
/// Thread: one at a time.
public struct MappedMemory: ~Copyable {
    private var base: UnsafeMutableRawPointer?
    private var capacity = 0

    /// No memory yet.
    public init() {}

    deinit { if let base { munmap(base, capacity) } }

    /// Zeroed bytes; what was asked for before is gone.
    ///
    /// - Parameter count: how many.
    /// - Returns: aligned to a page, valid until the next call.
    public mutating func zeroed(_ count: Int) throws(FileFailure) -> UnsafeMutableRawBufferPointer {
        if let base { munmap(base, capacity) }
        base = nil
        capacity = 0
        guard count > 0 else { return UnsafeMutableRawBufferPointer(start: nil, count: 0) }
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let fresh = mmap(nil, count, PROT_READ | PROT_WRITE, flags, -1, 0), fresh != MAP_FAILED else {
            throw FileFailure("cannot map \(count) bytes of memory")
        }
        base = fresh
        capacity = count
        return UnsafeMutableRawBufferPointer(start: fresh, count: count)
    }
}
