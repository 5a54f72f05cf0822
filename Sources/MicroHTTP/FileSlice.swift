internal import Glibc

/// A part of a file that is open for reading, to be sent as a body.
///
/// Copies share the descriptor; it is closed with the last of them. A response works on a duplicate of its own.
public struct FileSlice: Sendable {
    private final class Descriptor: Sendable {
        let number: Int32
        init(_ number: Int32) { self.number = number }
        deinit { close(number) }
    }

    private let descriptor: Descriptor
    /// Where it begins in the file.
    public let offset: Int
    /// How many bytes.
    public let count: Int

    /// Opens a file; nil when it cannot be opened or does not hold that part.
    ///
    /// - Parameters:
    ///   - path: of a regular file.
    ///   - offset: where the part begins.
    ///   - count: its length; nil takes the rest.
    public init?(path: String, offset: Int = 0, count: Int? = nil) {
        let number = open(path, O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { return nil }
        self.init(owning: number, offset: offset, count: count)
    }

    /// Takes over a descriptor; nil, and the descriptor closed, when the file does not hold that part.
    ///
    /// - Parameters:
    ///   - number: open for reading, of a regular file.
    ///   - offset: where the part begins.
    ///   - count: its length; nil takes the rest.
    public init?(owning number: Int32, offset: Int = 0, count: Int? = nil) {
        descriptor = Descriptor(number)
        var status = stat()
        guard fstat(number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        guard offset >= 0, offset <= status.st_size else { return nil }
        let rest = status.st_size - offset
        guard count ?? rest >= 0, count ?? rest <= rest else { return nil }
        self.offset = offset
        self.count = count ?? rest
    }

    private init(_ descriptor: Descriptor, _ offset: Int, _ count: Int) {
        self.descriptor = descriptor
        self.offset = offset
        self.count = count
    }

    /// A part of this part, or nil when it lies outside.
    ///
    /// - Parameter range: relative to the beginning of this part.
    public func slice(_ range: Range<Int>) -> FileSlice? {
        guard range.lowerBound >= 0, range.upperBound <= count else { return nil }
        return FileSlice(descriptor, offset + range.lowerBound, range.count)
    }

    /// A descriptor of the same file for the caller to close, or -1.
    func duplicate() -> Int32 { fcntl(descriptor.number, F_DUPFD_CLOEXEC, 3) }

    /// The bytes, or nil when they are more than `limit` or cannot be read.
    func read(upTo limit: Int) -> [UInt8]? {
        guard count <= limit else { return nil }
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let got = pread(
                    descriptor.number, buffer.baseAddress?.advanced(by: filled), count - filled, offset + filled)
                guard got > 0 else { return }
                filled += got
            }
        }
        return bytes.count == count ? bytes : nil
    }
}
