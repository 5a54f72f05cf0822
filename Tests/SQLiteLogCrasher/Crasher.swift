internal import Bytes
internal import EventLog
internal import Glibc
internal import SQLiteLog
internal import Threads

/// Appends to the log in the directory that it is told, and prints each offset that was acknowledged, until it is killed.
///
/// Every other value is a large one, which has a file beside the database.
@main
enum Crasher {
    static func main() throws {
        let log = try SQLiteLog(directory: CommandLine.arguments[1])
        _ = try log.prepare([TopicSpec(name: "t", partitions: 1, maxRecordBytes: 1 << 20)])
        let pool = SlabPool(limit: 16 << 20)
        var next = try log.ends(of: "t")[0]?.upperBound ?? 0
        while true {
            let last = next + 8
            let answers = Monitor<[Int64]>([])
            while next < last {
                let size = next % 2 == 0 ? 50_000 : 100_000
                guard let slab = pool.acquire(size) else { continue }
                memset(slab.base, Int32(UInt8(truncatingIfNeeded: next)), size)
                log.append(Record(key: [], headers: [], slab: slab, range: 0..<size), to: "t") { result in
                    answers.change { $0.append((try? result.get().offset) ?? -1) }
                }
                next += 1
            }
            for offset in answers.wait(for: { $0.count == 8 ? $0 : nil }) ?? [] {
                let line = Array("\(offset)\n".utf8)
                _ = write(1, line, line.count)
            }
        }
    }
}
