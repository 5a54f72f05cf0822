internal import Compression
internal import Digests

/// Reads one package as its bytes arrive: the head first, then its payload, decompressed and still filtered.
///
/// Nothing is allocated by what the head claims: it may have 4 MiB, and the payload is handed over in pieces.
///
/// Thread: one at a time.
public final class PackageReader {
    /// Offsets of the fields in front of the header.
    private static let prefix = 12

    /// Once the head is complete.
    public private(set) var header: PackageHeader?

    private let maxSize: Int
    private let memory: Int
    private var head: [UInt8] = []
    private var headSize = PackageReader.prefix
    private var stream: StreamDecompressor?
    private var digest = SHA256()
    private var stored = 0
    private var given = 0

    /// A reader at the start of a package.
    ///
    /// - Parameters:
    ///   - maxSize: bytes of the largest payload that is read, decompressed.
    ///   - memory: bytes that decompression takes before it asks for more (`wanted`, `grant`).
    public init(maxSize: Int, memory: Int = .max) {
        self.maxSize = maxSize
        self.memory = memory
    }

    /// Whether bytes begin as a package does.
    ///
    /// - Parameter start: of a body or a file.
    public static func isPackage(_ start: UnsafeRawBufferPointer) -> Bool { start.starts(with: PackageHead.magic) }

    /// Bytes that decompression needs to go on; `step` then gives nothing until they are granted.
    public var wanted: Int? { stream?.wanted }

    /// Lets decompression take more memory.
    ///
    /// - Parameter bytes: what was `wanted`.
    public func grant(_ bytes: Int) { stream?.grant(bytes) }

    /// Takes bytes until there is something to hand over.
    ///
    /// - Parameter rest: what was taken is cut off from its front.
    /// - Returns: bytes of the payload that are valid until the next call, or nil when `rest` is used up or memory
    ///   is `wanted`.
    /// - Throws: `EnvelopeFailure` that names the field, with the limit where one is passed.
    public func step(_ rest: inout UnsafeRawBufferPointer) throws(EnvelopeFailure) -> UnsafeRawBufferPointer? {
        while header == nil {
            guard !rest.isEmpty else { return nil }
            try gather(&rest)
        }
        guard let header, let stream else { return nil }
        let before = rest
        let output: UnsafeRawBufferPointer?
        do throws(CompressionFailure) { output = try stream.step(&rest) } catch {
            throw EnvelopeFailure(error, header.originalSize, origin: headSize)
        }
        let taken = UnsafeRawBufferPointer(rebasing: before[..<(before.count - rest.count)])
        stored += taken.count
        guard stored <= header.compressedSize else {
            throw EnvelopeFailure(
                "package.compressed_size", "is \(header.compressedSize), but the payload goes on", at: headSize)
        }
        digest.update(taken)
        given += output?.count ?? 0
        return output
    }

    /// Ends the package.
    ///
    /// - Throws: `EnvelopeFailure` when it is cut off, or sizes or checksum are not those of the head.
    public func finish() throws(EnvelopeFailure) {
        guard let header else {
            throw EnvelopeFailure("package", "ends within its head", at: head.count)
        }
        if stored > 0 || header.compressedSize > 0 {
            do { try stream?.finish { _ in } } catch {
                let failure = error as? CompressionFailure ?? CompressionFailure(String(describing: error), at: 0)
                throw EnvelopeFailure(failure, header.originalSize, origin: headSize)
            }
        }
        stream = nil
        guard stored == header.compressedSize else {
            throw EnvelopeFailure("package.compressed_size", "is \(header.compressedSize), but \(stored) bytes came")
        }
        guard given == header.originalSize else {
            throw EnvelopeFailure("package.original_size", "is \(header.originalSize), but the payload has \(given)")
        }
        var whole = SHA256()
        swap(&whole, &digest)
        guard Hex.encode(whole.finalize()) == header.checksum else {
            throw EnvelopeFailure("package.checksum", "is not that of the payload")
        }
    }

    private func gather(_ rest: inout UnsafeRawBufferPointer) throws(EnvelopeFailure) {
        let count = min(headSize - head.count, rest.count)
        head.append(contentsOf: rest.prefix(count))
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
        guard head.count == headSize else { return }
        if headSize == Self.prefix { headSize = try size() }
        guard head.count == headSize else { return }
        try begin()
    }

    /// Bytes of the head, as its first ones say.
    private func size() throws(EnvelopeFailure) -> Int {
        if head.starts(with: "FEDEN001".utf8) {
            throw EnvelopeFailure("package.magic", "encrypted packages (FEDEN001) are not yet supported", at: 0)
        }
        guard head.starts(with: PackageHead.magic) else {
            throw EnvelopeFailure("package.magic", "is not FEDPK001", at: 0)
        }
        let length = (8..<12).reversed().reduce(0) { $0 << 8 | Int(head[$1]) }
        guard 1...Bounds.header ~= length else {
            throw EnvelopeFailure(
                "package.header_length", "\(length) is not from 1 to \(Bounds.header)", at: 8,
                limit: length < 1 ? nil : UInt64(Bounds.header))
        }
        return Self.prefix + length
    }

    private func begin() throws(EnvelopeFailure) {
        var read: Result<PackageHeader, EnvelopeFailure>?
        head.withUnsafeBytes { bytes in
            do throws(EnvelopeFailure) { read = .success(try PackageHead.decode(bytes)) } catch {
                read = .failure(error)
            }
        }
        guard let found = try read?.get() else { return }
        head = []
        guard found.chunks == nil else {
            throw EnvelopeFailure("package.chunks", "the payload has to be in the package", at: Self.prefix)
        }
        try found.checkOriginalSize(atMost: maxSize, at: Self.prefix)
        stream = PayloadDecompression.stream(found.compression, found.originalSize, memory: memory)
        header = found
    }
}
