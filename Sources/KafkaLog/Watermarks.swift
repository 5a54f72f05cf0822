internal import CRdkafka
internal import EventLog
internal import Glibc

/// Where the partitions of a topic begin and end.
///
/// By `rd_kafka_offsets_for_times`, with the protocol's own timestamps for the first and the next offset (ListOffsets,
/// KIP-79). `rd_kafka_query_watermark_offsets` keeps no deadline once a leader is known: with the broker gone it waits
/// for socket.timeout.ms, several times over.
struct Watermarks {
    /// ListOffsets' timestamp for the next offset to be written.
    private static let latest: Int64 = -1
    /// ListOffsets' timestamp for the first offset that is still there.
    private static let earliest: Int64 = -2

    let handle: OpaquePointer
    let topic: String
    let partitions: Int32

    /// Asks the partitions' leaders; while they change, again until the deadline.
    ///
    /// Blocks for at most `patience`.
    func ask(within patience: Duration = .seconds(10)) throws(LogFailure) -> [Int32: Range<Int64>] {
        let deadline = ContinuousClock.now + patience
        while true {
            do throws(Refusal) {
                let lows = try offsets(at: Self.earliest, until: deadline)
                let highs = try offsets(at: Self.latest, until: deadline)
                var ends: [Int32: Range<Int64>] = [:]
                for partition in 0..<partitions {
                    let low = max(0, lows[Int(partition)])
                    ends[partition] = low..<max(low, highs[Int(partition)])
                }
                return ends
            } catch {
                // The topic was just made, or its leader has changed, and not every broker knows it yet.
                let passes = [
                    RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
                    RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
                ]
                guard passes.contains(error.code), .now < deadline else { throw KafkaError.failure(error.code) }
                usleep(200_000)
            }
        }
    }

    private struct Refusal: Error {
        let code: rd_kafka_resp_err_t
    }

    /// One offset a partition, in their order.
    private func offsets(at timestamp: Int64, until deadline: ContinuousClock.Instant) throws(Refusal) -> [Int64] {
        let list = rd_kafka_topic_partition_list_new(partitions)
        defer { rd_kafka_topic_partition_list_destroy(list) }
        for partition in 0..<partitions {
            rd_kafka_topic_partition_list_add(list, topic, partition)?.pointee.offset = timestamp
        }
        let left = max(.milliseconds(1), deadline - .now).components
        let milliseconds = Int32(clamping: left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000)
        let code = rd_kafka_offsets_for_times(handle, list, milliseconds)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw Refusal(code: code) }
        var offsets = [Int64](repeating: 0, count: Int(partitions))
        for partition in 0..<partitions {
            guard let entry = rd_kafka_topic_partition_list_find(list, topic, partition) else {
                throw Refusal(code: RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION)
            }
            guard entry.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR else { throw Refusal(code: entry.pointee.err) }
            offsets[Int(partition)] = entry.pointee.offset
        }
        return offsets
    }
}
