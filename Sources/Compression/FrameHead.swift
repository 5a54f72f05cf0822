/// The first bytes of a frame or member, as they come.
///
/// They are looked at here rather than left to the library, so that garbage is told from a frame that is broken, and
/// so that skippable frames are counted.
struct FrameHead {
    /// What the bytes so far are.
    enum Kind: Equatable {
        /// The beginning of a head; more bytes are needed.
        case partial
        /// A frame's; the library goes on from these bytes.
        case frame
        /// A skippable frame's (RFC 8878, section 3.1.2; LZ4 has the same), of so many bytes behind the head.
        case skippable(UInt64)
        /// No head's.
        case wrong
    }

    /// At most 8 bytes, the first one lowest.
    private var bits: UInt64 = 0
    private(set) var count = 0

    /// Appends a byte.
    mutating func append(_ byte: UInt8) {
        bits |= UInt64(byte) << UInt64(8 * count)
        count += 1
    }

    func kind(_ codec: Codec) -> Kind {
        let magic: UInt64
        let length: Int
        switch codec {
        case .none: return .frame
        // With the method, of which there is but one.
        case .gzip: (magic, length) = (0x08_8b1f, 3)
        case .zstd: (magic, length) = (0xfd2f_b528, 4)
        case .lz4: (magic, length) = (0x184d_2204, 4)
        }
        if bits == magic & mask(min(count, length)) { return count < length ? .partial : .frame }
        guard codec != .gzip, count > 0 else { return count == 0 ? .partial : .wrong }
        let isSkippable = bits & mask(min(count, 4)) & ~0xf == 0x184d_2a50 & mask(min(count, 4)) & ~0xf
        guard isSkippable else { return .wrong }
        return count < 8 ? .partial : .skippable(bits >> 32)
    }

    /// The bytes.
    func withBytes<Result, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> Result) throws(E) -> Result {
        try withUnsafeBytes(of: bits.littleEndian) { bytes throws(E) in
            try body(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        }
    }

    private func mask(_ bytes: Int) -> UInt64 { (1 << UInt64(8 * bytes)) - 1 }
}
