internal import Glibc

/// A part of a file.
public struct FileExtent: Sendable, Hashable {
    /// The file's path.
    public let path: String
    /// Bytes from the file's start.
    public let start: Int
    /// How many bytes.
    public let count: Int

    /// A part of a file.
    ///
    /// - Parameters:
    ///   - path: the file's path.
    ///   - start: bytes from the file's start.
    ///   - count: how many bytes.
    public init(path: String, start: Int, count: Int) {
        self.path = path
        self.start = start
        self.count = count
    }
}

/// Bytes that lie in parts of files, one behind the other.
public struct FileExtents: Sendable, Hashable {
    private var extents: [FileExtent] = []
    /// Where each extent ends among the bytes.
    private var ends: [Int] = []

    /// No bytes.
    public init() {}

    /// How many bytes.
    public var count: Int { ends.last ?? 0 }

    /// Adds bytes behind the others.
    ///
    /// - Parameter extent: joined with the last one when it goes on where that ends.
    public mutating func append(_ extent: FileExtent) {
        let end = count + extent.count
        if let last = extents.last, last.path == extent.path, last.start + last.count == extent.start {
            extents[extents.count - 1] = FileExtent(
                path: last.path, start: last.start, count: last.count + extent.count)
            ends[ends.count - 1] = end
        } else {
            extents.append(extent)
            ends.append(end)
        }
    }

    /// The same bytes after a file was given another name.
    ///
    /// - Parameters:
    ///   - path: the file's name before.
    ///   - other: its name from now on.
    public func moved(_ path: String, to other: String) -> FileExtents {
        var moved = self
        for index in extents.indices where extents[index].path == path {
            let extent = extents[index]
            moved.extents[index] = FileExtent(path: other, start: extent.start, count: extent.count)
        }
        return moved
    }

    /// Has the system forget its copies of bytes that nobody is going to read soon, as far as the disk has them too.
    ///
    /// The next bytes are written where these were, instead of in memory that the system has to find, or to take from
    /// files that somebody reads.
    ///
    /// - Parameter those: all at once, since a page may hold bytes of two that lie alternately in a file.
    public static func dropFromPageCache(_ those: [FileExtents]) {
        var joined = FileExtents()
        let sorted = those.flatMap(\.extents).sorted { ($0.path, $0.start) < ($1.path, $1.start) }
        for extent in sorted { joined.append(extent) }
        for extent in joined.extents {
            let file = try? File(reading: extent.path)
            file?.dropFromPageCache(extent.start..<extent.start + extent.count)
        }
    }

    /// The extent that has the byte at an offset, from there on; nil behind the last.
    fileprivate func extent(at offset: Int) -> FileExtent? {
        var (low, high) = (0, ends.count)
        while low < high {
            let middle = (low + high) / 2
            if ends[middle] <= offset { low = middle + 1 } else { high = middle }
        }
        guard low < ends.count, offset >= 0 else { return nil }
        let skipped = offset - (ends[low] - extents[low].count)
        let extent = extents[low]
        return FileExtent(path: extent.path, start: extent.start + skipped, count: extent.count - skipped)
    }
}

/// Reads bytes that lie in parts of files; the file read last stays open.
///
/// Thread: one at a time.
public final class FileExtentReader {
    private let extents: FileExtents
    private var file: File?
    private var path = ""

    /// A reader that has nothing open yet.
    ///
    /// - Parameter extents: what it reads.
    public init(_ extents: FileExtents) { self.extents = extents }

    /// Fills a buffer from an offset.
    ///
    /// - Parameters:
    ///   - buffer: filled whole.
    ///   - offset: among the bytes.
    /// - Throws: `FileFailure`, also when the bytes end before.
    public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileFailure) {
        var done = 0
        while done < buffer.count {
            guard let extent = extents.extent(at: offset + done) else {
                throw FileFailure("cannot read \(buffer.count) bytes at \(offset) of \(extents.count)", code: EIO)
            }
            let count = min(extent.count, buffer.count - done)
            if path != extent.path {
                file = nil
                path = ""
                file = try File(reading: extent.path)
                path = extent.path
            }
            try file?.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count]), at: extent.start)
            done += count
        }
    }
}
