/// Goes along a request's header lines in the library's buffer, to see whether each begins where the one before ended.
///
/// The old library parses in place, so lines of which it dropped a part, joined two, took a bare line feed or ended at a NUL byte
/// leave a gap or an overlap.
struct LineWalk {
    /// Where the next line has to begin; nil does not look.
    private var next: UInt?

    /// A walk before the first line.
    ///
    /// - Parameter start: the address where that has to begin; nil does not look at addresses.
    init(start: UInt?) { next = start }

    /// Whether a line begins where it has to.
    mutating func pass(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let next else { return true }
        self.next = UInt(bitPattern: value.baseAddress) + UInt(value.count) + 2
        return UInt(bitPattern: name.baseAddress) == next
    }

    /// Whether the head ends behind the last line.
    ///
    /// - Parameter end: the address where the head ended; compared when the walk began with an address.
    func ends(at end: UInt?) -> Bool {
        guard let next, let end else { return true }
        return end == next + 2
    }
}

extension UInt8 {
    /// The small letter of a capital one in ASCII; anything else is as it was.
    var lowercased: UInt8 { 0x41...0x5A ~= self ? self | 0x20 : self }
}
