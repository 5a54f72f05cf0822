internal import Glibc

/// Memory outside the heap that grows to the largest size asked for and stays mapped.
///
/// Thread: one at a time.
final class Scratch {
    private var base: UnsafeMutableRawPointer?
    private var capacity = 0

    deinit { if let base { munmap(base, capacity) } }

    /// So many bytes, whatever is in them, valid until the next call.
    func reserve(_ count: Int) throws(EnvelopeFailure) -> UnsafeMutableRawBufferPointer {
        if count > capacity || base == nil {
            if let base { munmap(base, capacity) }
            base = nil
            capacity = 0
            // Page by page, an eighth more than asked, so that slowly growing sizes do not map anew each time.
            let size = (count + count / 8 + 4096) & ~4095
            guard let fresh = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
                fresh != MAP_FAILED
            else { throw EnvelopeFailure(field: "payload", reason: "no memory for \(count) bytes") }
            base = fresh
            capacity = size
        }
        return UnsafeMutableRawBufferPointer(start: base, count: count)
    }
}
