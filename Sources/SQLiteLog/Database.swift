internal import CSQLite
internal import EventLog
internal import Files

/// One connection to the log's database.
///
/// Thread: one at a time; its owner sees to that.
final class Database {
    /// Of its file in the log's directory.
    private static let name = "log.sqlite"

    private let handle: OpaquePointer

    /// The log's database in its directory.
    convenience init(in directory: Directory) throws(LogFailure) { try self.init(path: directory.file(Self.name)) }

    init(path: String) throws(LogFailure) {
        var opened: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
        let code = sqlite3_open_v2(path, &opened, flags, nil)
        guard code == SQLITE_OK, let opened else {
            let reason = opened.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
            sqlite3_close_v2(opened)
            throw LogFailure(.unreachable, "cannot open \(path): \(reason)")
        }
        handle = opened
        sqlite3_busy_timeout(handle, 5000)
    }

    deinit { sqlite3_close_v2(handle) }

    func execute(_ sql: String) throws(LogFailure) {
        guard sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else { throw failure() }
    }

    func prepare(_ sql: String) throws(LogFailure) -> Statement {
        var prepared: OpaquePointer?
        guard sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil) == SQLITE_OK,
            let prepared
        else { throw failure() }
        return Statement(prepared, self)
    }

    /// The failure that the last call on this connection met.
    func failure() -> LogFailure {
        let reason = "SQLite: " + String(cString: sqlite3_errmsg(handle))
        switch sqlite3_errcode(handle) & 0xff {
        case SQLITE_FULL, SQLITE_IOERR: return LogFailure(.full, reason)
        case SQLITE_TOOBIG: return LogFailure(.tooLarge, reason)
        case SQLITE_CORRUPT, SQLITE_NOTADB: return LogFailure(.corrupt, reason)
        default: return LogFailure(.unreachable, reason)
        }
    }
}

/// A prepared statement.
///
/// Bound memory is not copied: it has to live until the step that uses it has returned.
final class Statement {
    private let handle: OpaquePointer
    private let database: Database

    init(_ handle: OpaquePointer, _ database: Database) {
        self.handle = handle
        self.database = database
    }

    deinit { sqlite3_finalize(handle) }

    func bind(_ index: Int32, _ value: Int64) { sqlite3_bind_int64(handle, index, value) }

    func bind(_ index: Int32, _ bytes: UnsafeRawBufferPointer) {
        if let base = bytes.baseAddress {
            sqlite3_bind_blob64(handle, index, base, UInt64(bytes.count), nil)
        } else {
            sqlite3_bind_zeroblob(handle, index, 0)
        }
    }

    /// Goes to the next row; false when there is none.
    func step() throws(LogFailure) -> Bool {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default:
            let failure = database.failure()
            sqlite3_reset(handle)
            throw failure
        }
    }

    func reset() {
        sqlite3_reset(handle)
        sqlite3_clear_bindings(handle)
    }

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

    /// The bytes of a column, valid until the next step or reset.
    func bytes(_ column: Int32) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: sqlite3_column_blob(handle, column), count: Int(sqlite3_column_bytes(handle, column)))
    }
}
