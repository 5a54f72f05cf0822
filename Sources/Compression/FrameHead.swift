/// The first bytes of a frame or member, as they come.
///
/// They are looked at here rather than left to the library, so that garbage is told from a frame that is broken, so
/// that skippable frames are counted, and so that a frame's memory is asked for before it is taken.
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

    private(set) var bytes: [UInt8] = []

    var count: Int { bytes.count }

    /// Appends a byte.
    mutating func append(_ byte: UInt8) { bytes.append(byte) }

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
        let first = number(0, min(count, length))
        if first == magic & mask(min(count, length)) {
            return count < length || windowSize(codec) == nil ? .partial : .frame
        }
        guard codec != .gzip, count > 0 else { return count == 0 ? .partial : .wrong }
        let most = min(count, 4)
        guard number(0, most) & ~0xf == 0x184d_2a50 & mask(most) & ~0xf else { return .wrong }
        return count < 8 ? .partial : .skippable(number(4, 4))
    }

    /// Bytes that a context needs for the frame, those of `Coder.output` included.
    func memory(_ codec: Codec) -> Int {
        guard let window = windowSize(codec) else { return 0 }
        return Coder.outputSize + window
            + {
                switch codec {
                case .none: 0
                case .gzip: 8 << 10
                // What is not yet decoded and what is not yet handed over.
                case .lz4: window + (192 << 10)
                case .zstd: 2 * min(window, 128 << 10) + (160 << 10)
                }
            }()
    }

    /// What a frame may look back on, or a block of it; nil as long as that is not known.
    ///
    /// One that the library refuses is 0.
    private func windowSize(_ codec: Codec) -> Int? {
        switch codec {
        case .none: return 0
        case .gzip: return 32 << 10
        case .lz4:
            // Magic, flags, block descriptor.
            return count < 6 ? nil : (64 << 10) << (2 * max(0, Int((bytes[5] >> 4) & 7) - 4))
        case .zstd:
            guard let window = zstdWindow else { return nil }
            return window > 1 << UInt64(ZstdDecoder.windowLog) ? 0 : Int(window)
        }
    }

    /// The window's descriptor, or the content's size where a frame is one segment (RFC 8878, section 3.1.1.1).
    ///
    /// Nil until all of the head is there.
    private var zstdWindow: UInt64? {
        guard count > 4, count >= 5 + zstdFields.window + zstdFields.dictionary + zstdFields.size else { return nil }
        guard zstdFields.window == 1 else { return contentSize }
        let base = UInt64(1) << (10 + UInt64(bytes[5] >> 3))
        return base + base / 8 * UInt64(bytes[5] & 7)
    }

    /// Bytes that a whole zstd head says its frame becomes; nil where it does not.
    var contentSize: UInt64? {
        let (window, dictionary, size) = zstdFields
        guard size > 0 else { return nil }
        return number(5 + window + dictionary, size) + (size == 2 ? 256 : 0)
    }

    /// Bytes of the fields behind the descriptor.
    private var zstdFields: (window: Int, dictionary: Int, size: Int) {
        let descriptor = bytes[4]
        let isOneSegment = descriptor & 0x20 != 0
        let size = descriptor >> 6 == 0 ? (isOneSegment ? 1 : 0) : 1 << Int(descriptor >> 6)
        return (isOneSegment ? 0 : 1, [0, 1, 2, 4][Int(descriptor & 3)], size)
    }

    /// A little-endian number of at most 8 bytes.
    private func number(_ start: Int, _ size: Int) -> UInt64 {
        bytes[start..<start + size].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private func mask(_ bytes: Int) -> UInt64 { (1 << UInt64(8 * bytes)) - 1 }
}
