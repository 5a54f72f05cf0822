internal import EventLog
internal import Files

/// Reads large values.
///
/// Thread: one.
final class ValueReader {
    private let directory: Directory
    private var file: File?
    private var number: Int64 = -1
    private var path = ""
    private var size = 0
    private var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)

    init(_ directory: Directory) { self.directory = directory }

    deinit { memory.deallocate() }

    /// A value and where it lies; its bytes are valid until the next call.
    func read(_ place: ValuePlace) throws(LogFailure) -> (UnsafeRawBufferPointer, FileExtent) {
        do throws(FileFailure) { try open(place) } catch { throw LogFailure(error) }
        guard let start = Int(exactly: place.start), let count = Int(exactly: place.size), start >= 0, count >= 0,
            start <= size, count <= size - start
        else {
            throw LogFailure(.corrupt, "\(path) has \(size) bytes, but \(place.size) are to lie at \(place.start)")
        }
        if memory.count < count {
            memory.deallocate()
            memory = .allocate(byteCount: count, alignment: 4096)
        }
        let value = UnsafeMutableRawBufferPointer(rebasing: memory[..<count])
        do throws(FileFailure) { try file?.read(into: value, at: start) } catch { throw LogFailure(error) }
        return (UnsafeRawBufferPointer(value), FileExtent(path: path, start: start, count: count))
    }

    private func open(_ place: ValuePlace) throws(FileFailure) {
        if number != place.file {
            path = directory.file(ValuePlace.name(place.file))
            number = -1
            file = try File(reading: path)
            number = place.file
            size = 0
        }
        // The last file grows.
        if place.start > Int64(size) - place.size { size = try file?.size ?? 0 }
    }
}
