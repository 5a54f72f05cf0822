internal import EventLog
internal import FoundationEssentials

/// The tables: one row a record, offsets ascending within a topic; and the log's name.
///
/// A large value lies in a file: then `file`, `start` and `size` say where, and `value` is empty.
enum Schema {
    static func apply(to database: Database, maxBytes: Int64?) throws(LogFailure) {
        try database.execute("PRAGMA page_size = 8192")
        try database.execute("PRAGMA journal_mode = WAL")
        try database.execute("PRAGMA synchronous = FULL")
        if let maxBytes { try database.execute("PRAGMA max_page_count = \(max(maxBytes / 8192, 16))") }
        try database.execute(
            """
            CREATE TABLE IF NOT EXISTS log (name TEXT NOT NULL) STRICT;
            CREATE TABLE IF NOT EXISTS record (
                topic BLOB NOT NULL, offset INTEGER NOT NULL, timestamp INTEGER NOT NULL,
                key BLOB NOT NULL, headers BLOB NOT NULL, value BLOB NOT NULL,
                file INTEGER, start INTEGER, size INTEGER,
                PRIMARY KEY (topic, offset)) STRICT;
            """)
        // A log of before large values had files.
        let columns = try database.prepare("SELECT 1 FROM pragma_table_info('record') WHERE name = 'file'")
        guard try !columns.step() else { return columns.reset() }
        let additions = ["file", "start", "size"].map { "ALTER TABLE record ADD COLUMN \($0) INTEGER;" }
        try database.execute("BEGIN IMMEDIATE; \(additions.joined(separator: " ")) COMMIT")
    }

    static func identity(of database: Database) throws(LogFailure) -> String {
        try database.execute(
            "INSERT INTO log SELECT '\(UUID().uuidString.lowercased())' WHERE NOT EXISTS (SELECT 1 FROM log)")
        let statement = try database.prepare("SELECT name FROM log")
        guard try statement.step() else { throw LogFailure(.corrupt, "SQLite: the log has no name") }
        return String(decoding: statement.bytes(0), as: UTF8.self)
    }
}
