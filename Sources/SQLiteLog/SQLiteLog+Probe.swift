public import EventLog
internal import Files
internal import Glibc

extension SQLiteLog {
    /// Asks whether a record could be stored now: the writer answers, the database takes a transaction, the disk has room.
    ///
    /// Blocks while commits go on.
    public func probe(_ topics: [String]) throws(LogFailure) {
        for topic in topics { try check(topic) }
        _ = try appendTogether([], isCurrent: { true })
        var state = statvfs()
        guard statvfs(directory.path, &state) == 0 else {
            throw LogFailure(.unreachable, "the log's file system cannot be asked for its room")
        }
        let free = UInt64(state.f_bavail) * UInt64(state.f_frsize)
        // Others may come with a record, and the write-ahead log beside them.
        let needed = UInt64(4 * limits.maxRecordBytes)
        guard free >= needed else {
            throw LogFailure(
                .full, "the log's disk has \(free) bytes left, less than the \(needed) that four records may take")
        }
    }
}
