internal import CRdkafka
internal import EventLog
internal import Glibc

/// Where a partition begins and ends.
enum Watermarks {
    /// Asks the partition's leader; while it changes, a few times.
    ///
    /// Blocks.
    static func ask(
        _ handle: OpaquePointer, _ topic: String, _ partition: Int32
    ) throws(LogFailure) -> Range<Int64> {
        var code = RD_KAFKA_RESP_ERR_NO_ERROR
        for _ in 0..<10 {
            var low: Int64 = 0
            var high: Int64 = 0
            code = rd_kafka_query_watermark_offsets(handle, topic, partition, &low, &high, 10_000)
            if code == RD_KAFKA_RESP_ERR_NO_ERROR { return low..<max(low, high) }
            // The topic was just made, or its leader has changed, and not every broker knows it yet.
            let passes = [
                RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
                RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
            ]
            guard passes.contains(code) else { break }
            usleep(200_000)
        }
        throw KafkaError.failure(code)
    }
}
