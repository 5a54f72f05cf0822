internal import EventLog
internal import Files

/// Where a large value lies beside the database.
struct ValuePlace {
    /// The number in the file's name.
    let file: Int64
    /// Bytes from the file's start.
    let start: Int64
    let size: Int64

    /// - Parameter number: of a file of values.
    static func name(_ number: Int64) -> String {
        let digits = String(number)
        return "values-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    }

    /// The number in a name that `name` made, or nil.
    static func number(in name: String) -> Int64? {
        guard name.hasPrefix("values-") else { return nil }
        return Int64(name.dropFirst("values-".count))
    }
}

/// Large values, in files of their own beside the database, which only grow.
///
/// Through the database each byte is written twice, to the write-ahead log and to its place, and every page's checksum is
/// computed on the way. A value here is written once. The row that names its place is committed after the file was synced;
/// what no row names is not there.
///
/// Thread: the writer's.
final class ValueFiles {
    /// Bytes from which a value is large; the second sync that it costs is less than its way through the database from here on.
    static let threshold = 64 << 10
    /// A file that has grown so far is followed by another.
    private static let fileSize = 1 << 30

    private let directory: Directory
    /// The log's largest size, database and files together.
    private let maxBytes: Int64?
    private var file: File?
    private var number: Int64
    private var end = 0
    private var isDirty = false
    /// Of all files.
    private(set) var bytes: Int64 = 0

    /// Looks what is there; the next value begins a new file, so that nothing has to be known of where the last one ends.
    init(_ directory: Directory, maxBytes: Int64?) throws(LogFailure) {
        self.directory = directory
        self.maxBytes = maxBytes
        number = -1
        do throws(FileFailure) {
            for name in try directory.names {
                guard let found = ValuePlace.number(in: name) else { continue }
                number = max(number, found)
                bytes += Int64(try File(reading: directory.file(name)).size)
            }
        } catch { throw LogFailure(error) }
    }

    /// Writes a value behind the others; durable after `sync`.
    ///
    /// - Parameter database: bytes that the database takes.
    func write(
        _ value: UnsafeRawBufferPointer, beside database: () throws(LogFailure) -> Int64
    ) throws(LogFailure) -> ValuePlace {
        if let maxBytes, try database() + bytes + Int64(value.count) > maxBytes {
            throw LogFailure(.full, "the log has reached its limit of \(maxBytes) bytes")
        }
        do throws(FileFailure) {
            if file == nil || end >= Self.fileSize { try begin() }
            try file?.write(value, at: end)
        } catch { throw LogFailure(error) }
        let place = ValuePlace(file: number, start: Int64(end), size: Int64(value.count))
        end += value.count
        bytes += Int64(value.count)
        isDirty = true
        return place
    }

    /// Returns when what was written is on the disk.
    func sync() throws(LogFailure) {
        guard isDirty else { return }
        do throws(FileFailure) { try file?.sync() } catch { throw LogFailure(error) }
        isDirty = false
    }

    /// Where the next value goes, and how many bytes there are.
    struct Mark {
        fileprivate let number: Int64
        fileprivate let end: Int
        fileprivate let bytes: Int64
        fileprivate let isOpen: Bool
    }

    var mark: Mark { Mark(number: number, end: end, bytes: bytes, isOpen: file != nil) }

    /// Gives back what was written since, of which no row can have been committed.
    ///
    /// What cannot be given back stays, and nobody reads it: the next value begins a new file then.
    func rewind(to mark: Mark) {
        isDirty = false
        if number == mark.number {
            do throws(FileFailure) { try file?.resize(to: mark.end) } catch { file = nil }
        } else {
            // No row names the files that were begun since; so their numbers may be given again.
            file = nil
            for begun in (mark.number + 1)...number { File.remove(directory.file(ValuePlace.name(begun))) }
            number = mark.number
            let before = try? File(appending: directory.file(ValuePlace.name(number)))
            // One of before this log was opened has its values to its end.
            if mark.isOpen { try? before?.resize(to: mark.end) }
        }
        (end, bytes) = (mark.end, mark.bytes)
    }

    private func begin() throws(FileFailure) {
        if isDirty { try file?.sync() }
        file = nil
        number += 1
        file = try File(creating: directory.file(ValuePlace.name(number)))
        end = 0
        // Its name has to be on the disk before a row has its number.
        try directory.sync()
    }
}

extension LogFailure {
    /// What a file of values met; a disk that fails takes no records.
    init(_ failure: FileFailure) { self.init(failure.isMissing ? .corrupt : .full, failure.description) }
}
