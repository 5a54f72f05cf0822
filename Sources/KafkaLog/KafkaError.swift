internal import CRdkafka
internal import EventLog

/// What librdkafka's codes mean to whoever uses a log.
enum KafkaError {
    static func text(_ code: rd_kafka_resp_err_t) -> String { "Kafka: " + String(cString: rd_kafka_err2str(code)) }

    /// A record that was not delivered, by its report.
    static func undelivered(_ code: rd_kafka_resp_err_t, mayBeStored: Bool) -> LogFailure {
        switch code {
        case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
            LogFailure(.tooLarge, text(code))
        case _ where isTopic(code): LogFailure(.topic, text(code))
        case _ where mayBeStored: LogFailure(.outcomeUnknown, text(code))
        default: LogFailure(.unreachable, text(code))
        }
    }

    /// A record that is reported as stored, and not where.
    ///
    /// librdkafka concludes that from a later record that was acknowledged, since brokers take an idempotent producer's in
    /// order. Of a producer that they do not know, they take the first that comes: a leader that has just begun to lead a
    /// partition may have refused the one before, which is lost then.
    static let nowhere = LogFailure(.outcomeUnknown, "Kafka: the record may be lost: its report has no offset")

    /// A record that was not taken.
    static func refused(_ code: rd_kafka_resp_err_t) -> LogFailure {
        switch code {
        case RD_KAFKA_RESP_ERR__QUEUE_FULL: LogFailure(.full, text(code))
        case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE: LogFailure(.tooLarge, text(code))
        case _ where isTopic(code): LogFailure(.topic, text(code))
        default: LogFailure(.unreachable, text(code))
        }
    }

    /// Another question than for a record.
    static func failure(_ code: rd_kafka_resp_err_t) -> LogFailure {
        LogFailure(isTopic(code) ? .topic : .unreachable, text(code))
    }

    /// What a broker says of the topic.
    ///
    /// librdkafka's own "unknown topic" is none: it comes when a broker that does not know a new topic yet was asked for
    /// metadata, and passes.
    static func isTopic(_ code: rd_kafka_resp_err_t) -> Bool {
        [
            RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
            RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
        ].contains(code)
    }

    /// Another one began a term.
    static func isFenced(_ code: rd_kafka_resp_err_t) -> Bool {
        [
            RD_KAFKA_RESP_ERR__FENCED, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH,
        ].contains(code)
    }
}
