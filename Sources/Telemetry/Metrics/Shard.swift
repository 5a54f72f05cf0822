internal import Glibc

/// Spreads threads over a few places, so that they do not write to one cache line.
enum Shard {
    /// How many places; a power of two.
    static let count = 8

    /// The calling thread's place.
    ///
    /// The thread's address is spread by its higher bits: stacks lie megabytes apart.
    static var mine: Int {
        let thread = UInt(bitPattern: Int(bitPattern: pthread_self()))
        return Int(truncatingIfNeeded: (thread &* 0x9E37_79B9_7F4A_7C15) >> 61)
    }
}
