internal import Glibc

/// Memory of a reader that grows to what was needed most, and is used again; its contents do not outlive the next use.
final class Scratch {
    private var base: UnsafeMutableRawPointer?
    private var capacity = 0

    deinit { unmap() }

    /// Room for so many bytes, or nil when there is no memory.
    func room(_ count: Int) -> UnsafeMutableRawBufferPointer? {
        if count > capacity || base == nil {
            unmap()
            guard count <= Int.max - 65_536 else { return nil }
            let size = (max(count, 1) + 65_535) / 65_536 * 65_536
            let flags = MAP_PRIVATE | MAP_ANONYMOUS
            guard let fresh = mmap(nil, size, PROT_READ | PROT_WRITE, flags, -1, 0), fresh != MAP_FAILED else {
                return nil
            }
            base = fresh
            capacity = size
        }
        return UnsafeMutableRawBufferPointer(start: base, count: count)
    }

    private func unmap() {
        if let base { munmap(base, capacity) }
        base = nil
        capacity = 0
    }
}
