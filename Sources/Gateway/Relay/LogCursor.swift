/// How far a reader of a topic has come: the last offset that it saw, by partition.
///
/// It says where records stand on the log and nothing of a gateway, so it holds on every one of them. As text it is
/// `0-17`, several partitions with commas between them; `start` is before everything.
struct LogCursor: Sendable, Hashable {
    private static let start = "start"
    private static let mostPartitions = 1000

    /// Partitions that are missing were not begun.
    private(set) var last: [Int32: Int64] = [:]

    init() {}

    /// Nil when it is no cursor.
    init?(_ text: String) {
        guard text != Self.start else { return }
        guard text.utf8.count <= 32 * Self.mostPartitions else { return nil }
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count <= Self.mostPartitions else { return nil }
        for part in parts {
            let numbers = part.split(separator: "-", omittingEmptySubsequences: false)
            guard numbers.count == 2, let partition = WholeNumber.parse(String(numbers[0])),
                let partition = Int32(exactly: partition), let offset = WholeNumber.parse(String(numbers[1]))
            else { return nil }
            pass(partition, offset)
        }
    }

    var text: String {
        last.isEmpty ? Self.start : last.sorted { $0.key < $1.key }.map { "\($0)-\($1)" }.joined(separator: ",")
    }

    /// The last offset seen of a partition, or −1.
    subscript(partition: Int32) -> Int64 { last[partition] ?? -1 }

    /// Notes that a record was seen; it never goes back.
    mutating func pass(_ partition: Int32, _ offset: Int64) {
        if offset > self[partition] { last[partition] = offset }
    }
}
